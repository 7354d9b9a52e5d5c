"""What every command shares: options with limits, streams, signals, a log and an exit code.

`command.run` calls a main function and turns whatever goes wrong into one line. No command is here;
`partition.cli` is one.
"""
