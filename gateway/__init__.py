"""One door for all of Segue's HTTP: composes the services behind one port."""
