"""What became of everything: home, figures over time, balance, files to take away. Only reads campaigns."""
