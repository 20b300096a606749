"""What goes over the wire, as Structs: bodies and parameters of requests, answers, and an example of each (spec 06, 10.7).

Bodies refuse unknown fields (fault G14) and bound every text and number. Answers name public ids, instants in
microseconds UTC (`…_at`), durations in milliseconds, money in micro units.
"""
