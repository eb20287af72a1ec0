"""The command line: `reminder NOUN VERB`. Thin faces over `reminder.app` and `reminder.pipeline`, one file a noun.

This module is all that `reminder --help` imports: commands, and the libraries they need, come when they are run.
"""

from __future__ import annotations

import gc

import click

from reminder.cli.frame import Frame, Guarded
from reminder.cli.lazy import Lazy

__all__ = ["COMMANDS", "GARBAGE_LOOKS", "main"]

GARBAGE_LOOKS = (50_000, 20, 100)
"""After how many new objects Python looks for garbage among them, and how much seldomer among older ones; by itself
700, 10 and 10. (Sockets, files and everything else without cycles go at once, as ever.)"""

COMMANDS = {
    "init": Lazy("reminder.cli.init:init", "Write a new deployment, ready to run."),
    "demo": Lazy("reminder.cli.demo:demo", "Show the whole way on made-up accounts, through the console."),
    "db": Lazy(
        "reminder.cli.db:db", "Make our tables, bring them to the newest shape, and seal what is personal in them."
    ),
    "accounts": Lazy("reminder.cli.accounts:accounts", "Import accounts from a file, and look at them."),
    "book": Lazy("reminder.cli.book:book", "Check the table that accounts are read from."),
    "policy": Lazy("reminder.cli.policy:policy", "Check, test, list and show the policies, and compare edits of them."),
    "profile": Lazy("reminder.cli.profile:profile", "Check, list and show the profiles of contact law."),
    "template": Lazy("reminder.cli.template:template", "Check, list and render the templates."),
    "sms": Lazy("reminder.cli.sms:sms", "Count the segments of a text."),
    "preview": Lazy("reminder.cli.preview:preview", "Show what would be sent, and why the others stay silent."),
    "simulate": Lazy("reminder.cli.simulate:simulate", "Show what the days to come would bring."),
    "run": Lazy("reminder.cli.run:run", "Plan and send once, now."),
    "daemon": Lazy("reminder.cli.daemon:daemon", "Plan and send on schedule until told to stop."),
    "schedule": Lazy("reminder.cli.schedule:schedule", "Show when the daemon plans, and what it has planned."),
    "web": Lazy("reminder.cli.web:web", "Take delivery receipts and customers' replies until told to stop."),
    "explain": Lazy("reminder.cli.explain:explain", "Say why an account is or is not reminded."),
    "status": Lazy("reminder.cli.status:status", "Show how the deployment is doing."),
    "report": Lazy("reminder.cli.report:report", "Report what has become of the reminders of some days."),
    "message": Lazy("reminder.cli.message:message", "Tell whether a text that a customer asks about is ours."),
    "doctor": Lazy(
        "reminder.cli.doctor:doctor",
        "Look at everything that sending depends on, and say what is wrong and what to do.",
    ),
    "alert": Lazy("reminder.cli.alert:alert", "See what operators are told of, and try whether it reaches them."),
    "outbox": Lazy("reminder.cli.outbox:outbox", "Look at reminders, and settle those that wait for a person."),
    "promise": Lazy("reminder.cli.promise:promise", "Keep what customers promise to pay, and by when."),
    "plan": Lazy("reminder.cli.plan:plan", "Agree repayment plans, whose days reminders follow."),
    "hold": Lazy(
        "reminder.cli.hold:hold", "Pause an account, a customer or a selection of accounts, with a reason and an end."
    ),
    "consent": Lazy("reminder.cli.consent:consent", "Keep who has agreed to be contacted, and who took it back."),
    "suppress": Lazy("reminder.cli.suppress:suppress", "Never contact a number or a customer."),
    "numbers": Lazy("reminder.cli.numbers:numbers", "Look at numbers that can't be reached or are somebody else's."),
    "inbound": Lazy("reminder.cli.inbound:inbound", "Look at what customers wrote, and mark it as dealt with."),
    "customer": Lazy("reminder.cli.customer:customer", "Remove what we hold about a person."),
    "retention": Lazy("reminder.cli.retention:retention", "Let go of what is personal when its time is over."),
    "audit": Lazy("reminder.cli.audit:audit", "Read the record of every act, and prove that it was not changed."),
    "gateway": Lazy("reminder.cli.gateway:gateway", "List gateways, and send a test text through one."),
}
"""Every command, in the order of the help: setting up, looking, sending, looking after."""


@click.group(
    cls=Guarded, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.option(
    "--config",
    "folder",
    type=click.Path(file_okay=False),
    envvar="REMINDER_CONFIG",
    default="config",
    show_default=True,
    show_envvar=True,
    help="Folder that reminder.yaml lies in.",
)
@click.option("--traceback", is_flag=True, help="Show where in the code an error arose.")
@click.version_option(package_name="reminder-dispatcher", prog_name="reminder")
@click.pass_context
def main(ctx: click.Context, folder: str, traceback: bool) -> None:
    """Remind customers of payments: due soon, in grace, overdue.

    \b
    Begin with:
      reminder init DIR        a new deployment to edit
      reminder demo            everything at once, on made-up accounts

    \b
    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a file of the deployment is wrong.
    """
    from pathlib import Path

    # What a command loads stays: to look through it again and again takes a tenth of a short command's time.
    gc.set_threshold(*GARBAGE_LOOKS)
    ctx.obj = Frame(Path(folder), traceback)
