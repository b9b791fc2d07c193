"""The set-based statements that find people of an earlier campaign by how they came out there, as SQL.

Its messages are walked by their key, a stretch of so many at a time whoever of them is meant, so that each
stretch is one range of the key however few came out like this. A number that was erased begins with no digit,
and one that is being erased is nobody any more. All messages of a number are in one stretch.
"""

from __future__ import annotations

from sqlalchemy import text

# How a message came out; `recipients._passes` and recounting.py count by the same rules.
_CAME_OUT = """
coalesce(nullif(message.outcome, 'other'), CASE WHEN message.outcome = 'other' THEN 'no_report'
    WHEN batch.state = 'rejected' THEN 'failed' WHEN batch.state = 'accepted' THEN 'no_report'
    WHEN batch.state = 'stopped' THEN 'not_sent' END) = CAST(:again_outcome AS text)
"""

_MESSAGES = """
message LEFT JOIN batch ON batch.team_id = :team AND batch.campaign_id = message.campaign_id
    AND batch.no = message.batch_no
"""

# Whether a contact is one of those people; the messages of the number are found by their key.
IN_EARLIER = f"""
EXISTS (SELECT 1 FROM {_MESSAGES} WHERE message.team_id = :team
    AND message.campaign_id = CAST(:again AS bigint) AND message.mobile = contact.mobile AND {_CAME_OUT})
"""  # noqa: S608 # put together from our own text

# Up to which number the next stretch goes, and how many messages it has.
STRETCH = text(
    """
SELECT CAST(max(mobile) AS bigint) AS until, count(*) AS messages FROM (
    SELECT mobile FROM message WHERE team_id = :team AND campaign_id = CAST(:again AS bigint)
        AND mobile > CAST(CAST(:after AS bigint) AS text) AND mobile < '2'
    ORDER BY mobile LIMIT :chunk
) AS stretch
"""
)

_NEXT = f"""
SELECT message.mobile, message.copy, message.variables FROM {_MESSAGES}
WHERE message.team_id = :team AND message.campaign_id = CAST(:again AS bigint)
    AND message.mobile > CAST(CAST(:after AS bigint) AS text)
    AND message.mobile <= CAST(CAST(:until AS bigint) AS text) AND {_CAME_OUT}
    AND NOT EXISTS (SELECT 1 FROM erasure
        WHERE erasure.team_id = :team AND erasure.mobile = message.mobile)
"""  # noqa: S608 # put together from our own text

_IN_MINUS = """
EXISTS (SELECT 1 FROM contact JOIN grouped_contact AS away ON away.team_id = :team
    AND away.group_id = ANY(CAST(:minus AS bigint[])) AND away.contact_id = contact.id
    WHERE contact.team_id = :team AND contact.mobile = slice.mobile)
"""

# The next people with the values that were filled in for them then; what is missing, the address book may
# know.
SLICE = text(
    f"""
SELECT slice.mobile, (
        SELECT array_agg(coalesce(nullif(slice.variables->>field, ''), CASE WHEN field = 'name'
            THEN contact.name ELSE contact.fields->>field END, '') ORDER BY position)
        FROM unnest(CAST(:fields AS text[])) WITH ORDINALITY AS wanted (field, position)) AS own,
    {_IN_MINUS} AS in_minus, false AS twice
FROM ({_NEXT}) AS slice
LEFT JOIN contact ON contact.team_id = :team AND contact.mobile = slice.mobile
ORDER BY slice.mobile, slice.copy
"""  # noqa: S608 # put together from our own text
)

# The same for one text to everybody, without leaving the database. The digest goes on from the one before.
LAY_SLICE = text(
    f"""
WITH slice AS MATERIALIZED (
    {_NEXT}
), judged AS MATERIALIZED (
    SELECT slice.mobile, slice.copy, CASE
        WHEN slice.mobile = ANY(CAST(:pasted AS text[])) OR row_number()
            OVER (PARTITION BY slice.mobile ORDER BY slice.copy) > 1 THEN 'twice'
        WHEN {_IN_MINUS} THEN 'in_minus'
        WHEN EXISTS (SELECT 1 FROM opt_out WHERE opt_out.team_id = :team AND opt_out.mobile = slice.mobile)
            THEN 'opted_out'
        WHEN :leave_out_refused AND EXISTS (SELECT 1 FROM refused_number
            WHERE refused_number.team_id = :team AND refused_number.mobile = slice.mobile)
            THEN 'refused' END AS reason
    FROM slice
), put AS (
    INSERT INTO audience (team_id, campaign_id, text_hash, mobile)
    SELECT :team, :campaign, :hash, mobile FROM judged WHERE reason IS NULL
)
SELECT count(*) AS walked, count(*) FILTER (WHERE reason IS NULL) AS put,
    count(*) FILTER (WHERE reason = 'twice') AS twice,
    count(*) FILTER (WHERE reason = 'in_minus') AS in_minus,
    count(*) FILTER (WHERE reason = 'opted_out') AS opted_out,
    count(*) FILTER (WHERE reason = 'refused') AS refused,
    encode(sha256(convert_to(CAST(:digest AS text) || coalesce(
        string_agg(mobile, ' ' ORDER BY mobile) FILTER (WHERE reason IS NULL), ''), 'UTF8')), 'hex')
        AS digest,
    (SELECT array_agg(mobile || ' ' || reason ORDER BY mobile, copy) FROM (
        SELECT mobile, copy, reason FROM judged WHERE reason IS NOT NULL ORDER BY mobile, copy LIMIT :listed
    ) AS first_ones) AS listed
FROM judged
"""  # noqa: S608 # put together from our own text
)

# Whether somebody who is laid out is not so any more: a report came, or a person decided. Who was pasted, or
# is in a group, is meant all the same. Somebody who is so only now is not looked for, as after an opt-in.
CAME_OUT_OTHERWISE = text(
    f"""
SELECT EXISTS (
    SELECT 1 FROM (
        SELECT mobile, count(*) AS messages FROM audience
        WHERE team_id = :team AND campaign_id = :campaign GROUP BY mobile
    ) AS laid
    WHERE laid.mobile <> ALL (CAST(:pasted AS text[]))
        AND EXISTS (SELECT 1 FROM message WHERE message.team_id = :team
            AND message.campaign_id = CAST(:again AS bigint) AND message.mobile = laid.mobile)
        AND laid.messages > (SELECT count(*) FROM {_MESSAGES} WHERE message.team_id = :team
            AND message.campaign_id = CAST(:again AS bigint) AND message.mobile = laid.mobile
            AND {_CAME_OUT})
        AND NOT EXISTS (SELECT 1 FROM contact JOIN grouped_contact ON grouped_contact.team_id = :team
            AND grouped_contact.group_id = ANY(CAST(:groups AS bigint[]))
            AND grouped_contact.contact_id = contact.id
            WHERE contact.team_id = :team AND contact.mobile = laid.mobile)
)
"""  # noqa: S608 # put together from our own text
)
