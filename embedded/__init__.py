"""The engines that a laptop runs instead of servers, and the supervisor that starts and stops them."""
