"""What each event family means: rules, lifecycle, counters. Pure: no I/O, no Faust, no clock."""
