"""Our tables, and the only SQL that writes them: the outbox, holds, suppressions, contacts, gateways, planning."""
