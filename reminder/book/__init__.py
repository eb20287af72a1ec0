"""Where accounts live: the lender's table or ours, mapped, selected in SQL, imported and checked. Read, never written
by dispatch.
"""
