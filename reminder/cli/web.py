"""`reminder web`: the process that takes receipts and what customers write."""

from __future__ import annotations

import asyncio

import click

from reminder.cli.frame import Frame, pass_frame

__all__ = ["web"]


@click.command()
@pass_frame
def web(frame: Frame) -> None:
    """Take delivery receipts and customers' replies until told to stop.

    Listens at the address under `web` in reminder.yaml for what the gateways' providers call: /receipts/GATEWAY and
    /inbound/GATEWAY, signed for `public_url`, which must lead here over https. /healthz and /readyz say how it is.
    Give your provider the address PUBLIC_URL/inbound/GATEWAY for texts that customers write; receipts find theirs.

    \b
    Example:
      reminder web
    """
    from reminder.web.service import serve_until_signalled

    with frame.deployment() as deployment:
        frame.start_logs(frame.installation.settings.logs.level)
        asyncio.run(serve_until_signalled(frame.installation, deployment))
