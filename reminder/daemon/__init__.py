"""The daemon: a clock that ticks, slots that are planned when they come, and reminders sent as their time comes.

`ticks` does what one look at the clock asks for, and `service` keeps looking until it is told to stop; when a schedule
wants a plan is worked out by `reminder.domain.slots`. What has been done is kept in the database and nowhere else.
"""

__all__: list[str] = []
