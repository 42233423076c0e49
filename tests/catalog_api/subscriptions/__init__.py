"""Tests of plans and of who pays for one."""
