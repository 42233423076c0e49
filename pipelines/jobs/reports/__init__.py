"""Job `reports`: a page with plots and tables for each report on the last whole week."""
