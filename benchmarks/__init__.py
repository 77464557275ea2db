"""What is measured outside the test run: speed against peers, and the coverage of intervals."""
