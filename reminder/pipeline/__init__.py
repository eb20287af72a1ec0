"""The way of a reminder, one verb a file: plan, dispatch, preview, explain, report."""
