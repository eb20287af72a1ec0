"""The process that stays: APScheduler ticks, our tables say what is due."""
