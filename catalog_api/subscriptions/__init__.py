"""Subscriptions: plans, and who pays for one."""
