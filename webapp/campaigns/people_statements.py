"""The set-based statements that find the people a campaign is for, as SQL.

A group is walked by the ids of its contacts, so that each slice is one range of its key, however large it is.
"""

from __future__ import annotations

from functools import cache

from sqlalchemy import TextClause, text

# What somebody brings for the fields of the text, in their order; empty where there is nothing.
_OWN = """
(SELECT array_agg(coalesce(CASE WHEN field = 'name' THEN contact.name ELSE contact.fields->>field END, '')
    ORDER BY place)
FROM unnest(CAST(:fields AS text[])) WITH ORDINALITY AS wanted (field, place))
"""

_IN_MINUS = """
EXISTS (SELECT 1 FROM grouped_contact AS away WHERE away.team_id = :team
    AND away.group_id = ANY(CAST(:minus AS bigint[])) AND away.contact_id = contact.id)
"""

SIZES = text(
    """
SELECT id, name, size, version FROM contact_group
WHERE team_id = :team AND id = ANY(CAST(:groups AS bigint[])) ORDER BY id
"""
)

# What the address book knows of numbers that were pasted.
KNOWN = text(
    f"""
SELECT contact.mobile, {_OWN} AS own, {_IN_MINUS} AS in_minus
FROM contact WHERE contact.team_id = :team AND contact.mobile = ANY(CAST(:mobiles AS text[]))
"""  # noqa: S608 # put together from our own text
)

# The next people of a group. `earlier`: the groups before it; whoever is in one of them was there already.
SLICE = text(
    f"""
SELECT slice.contact_id, contact.mobile, {_OWN} AS own, {_IN_MINUS} AS in_minus,
    EXISTS (SELECT 1 FROM grouped_contact AS before WHERE before.team_id = :team
        AND before.group_id = ANY(CAST(:earlier AS bigint[]))
        AND before.contact_id = slice.contact_id) AS twice
FROM (
    SELECT contact_id FROM grouped_contact WHERE team_id = :team AND group_id = :group AND contact_id > :after
    ORDER BY contact_id LIMIT :chunk
) AS slice
JOIN contact ON contact.team_id = :team AND contact.id = slice.contact_id
ORDER BY slice.contact_id
"""  # noqa: S608 # put together from our own text
)

# The same for one text to everybody, without leaving the database. The digest goes on from the one before.
LAY_SLICE = text(
    f"""
WITH slice AS MATERIALIZED (
    SELECT contact_id FROM grouped_contact WHERE team_id = :team AND group_id = :group AND contact_id > :after
    ORDER BY contact_id LIMIT :chunk
), judged AS MATERIALIZED (
    SELECT contact.id, contact.mobile, CASE
        WHEN contact.mobile = ANY(CAST(:pasted AS text[])) OR EXISTS (
            SELECT 1 FROM grouped_contact AS before WHERE before.team_id = :team
                AND before.group_id = ANY(CAST(:earlier AS bigint[]))
                AND before.contact_id = slice.contact_id) THEN 'twice'
        WHEN {_IN_MINUS} THEN 'in_minus'
        WHEN EXISTS (SELECT 1 FROM opt_out WHERE opt_out.team_id = :team AND opt_out.mobile = contact.mobile)
            THEN 'opted_out' END AS reason
    FROM slice JOIN contact ON contact.team_id = :team AND contact.id = slice.contact_id
), put AS (
    INSERT INTO audience (team_id, campaign_id, text_hash, mobile)
    SELECT :team, :campaign, :hash, mobile FROM judged WHERE reason IS NULL
)
SELECT count(*) AS walked, max(id) AS after, count(*) FILTER (WHERE reason IS NULL) AS put,
    count(*) FILTER (WHERE reason = 'twice') AS twice,
    count(*) FILTER (WHERE reason = 'in_minus') AS in_minus,
    count(*) FILTER (WHERE reason = 'opted_out') AS opted_out,
    encode(sha256(convert_to(CAST(:digest AS text) || coalesce(
        string_agg(mobile, ' ' ORDER BY id) FILTER (WHERE reason IS NULL), ''), 'UTF8')), 'hex') AS digest,
    (SELECT array_agg(mobile || ' ' || reason ORDER BY id) FROM (
        SELECT id, mobile, reason FROM judged WHERE reason IS NOT NULL ORDER BY id LIMIT :listed
    ) AS first_ones) AS listed
FROM judged
"""  # noqa: S608 # put together from our own text
)


@cache
def count_with(fields: int) -> TextClause:
    """What the people of some groups come to, without laying them out; for a text with so many fields.

    `base` is the length of the text without its fields; of field n, `field_n` is its name, `often_n` how
    often it stands there, `default_n` what stands for a missing value ('' where nothing does). Somebody who
    is in several groups is there already in all but one of them. An expression a field is three times as
    quick as arrays.
    """
    places = range(fields)
    own = "".join(
        f", coalesce(CASE WHEN CAST(:field_{n} AS text) = 'name' THEN contact.name"
        f" ELSE contact.fields->>CAST(:field_{n} AS text) END, '') AS own_{n}"
        for n in places
    )
    kept = "".join(f", own_{n}" for n in places)
    brackets = " OR ".join(f"own_{n} ~ '[【】]'" for n in places) or "false"
    lacking = " OR ".join(f"(own_{n} = '' AND :default_{n} = '')" for n in places) or "false"
    filled = "".join(f" + :often_{n} * length(coalesce(nullif(own_{n}, ''), :default_{n}))" for n in places)
    missing = ", ".join(f"count(*) FILTER (WHERE there AND own_{n} = '')" for n in places)
    return text(
        f"""
WITH grouped AS MATERIALIZED (
    SELECT contact_id, count(*) AS places FROM grouped_contact
    WHERE team_id = :team AND group_id = ANY(CAST(:groups AS bigint[])) GROUP BY contact_id
), judged AS (
    SELECT grouped.places, CASE
        WHEN contact.mobile = ANY(CAST(:pasted AS text[])) THEN 'twice'
        WHEN {_IN_MINUS} THEN 'in_minus'
        WHEN EXISTS (SELECT 1 FROM opt_out WHERE opt_out.team_id = :team AND opt_out.mobile = contact.mobile)
            THEN 'opted_out' END AS reason{own}
    FROM grouped JOIN contact ON contact.team_id = :team AND contact.id = grouped.contact_id
    OFFSET 0
), measured AS (
    SELECT places, coalesce(reason, CASE WHEN {brackets} THEN 'value_brackets' END) AS reason,
        ({lacking}) AS lacking, CAST(:base AS integer){filled} AS long{kept}
    FROM judged OFFSET 0
), weighed AS (
    SELECT places, long, reason IS NULL AS there,
        CASE WHEN long <= :first THEN 1 ELSE (long + :next - 1) / :next END AS parts,
        reason IS NULL AND NOT lacking AND long > :limit AS over,
        coalesce(reason, CASE WHEN lacking THEN 'no_value'
            WHEN long > :limit AND :leave_out_long THEN 'too_long_text' END) AS reason{kept}
    FROM measured OFFSET 0
)
SELECT coalesce(sum(places), 0) AS entries, count(*) FILTER (WHERE reason IS NULL) AS recipients,
    coalesce(sum(places - 1), 0) + count(*) FILTER (WHERE reason = 'twice') AS twice,
    count(*) FILTER (WHERE reason = 'in_minus') AS in_minus,
    count(*) FILTER (WHERE reason = 'opted_out') AS opted_out,
    count(*) FILTER (WHERE reason = 'value_brackets') AS value_brackets,
    count(*) FILTER (WHERE reason = 'no_value') AS no_value,
    count(*) FILTER (WHERE reason = 'too_long_text') AS too_long_text,
    count(*) FILTER (WHERE over) AS over_limit,
    coalesce(sum(parts) FILTER (WHERE reason IS NULL), 0) AS cost,
    coalesce(min(parts) FILTER (WHERE reason IS NULL), 0) AS parts_least,
    coalesce(max(parts) FILTER (WHERE reason IS NULL), 0) AS parts,
    coalesce(min(long) FILTER (WHERE reason IS NULL), 0) AS shortest,
    coalesce(max(long) FILTER (WHERE reason IS NULL), 0) AS longest,
    CAST(ARRAY[{missing}] AS bigint[]) AS missing
FROM weighed
"""  # noqa: S608 # put together from our own text
    )


# Whether somebody of these groups, or one of these numbers, was changed since.
CHANGED_SINCE = text(
    """
SELECT EXISTS (
    SELECT 1 FROM grouped_contact JOIN contact
        ON contact.team_id = :team AND contact.id = grouped_contact.contact_id
    WHERE grouped_contact.team_id = :team AND grouped_contact.group_id = ANY(CAST(:groups AS bigint[]))
        AND contact.changed_at > :since
) OR EXISTS (
    SELECT 1 FROM contact WHERE team_id = :team AND mobile = ANY(CAST(:pasted AS text[]))
        AND changed_at > :since)
"""
)

OPTED_OUT_SINCE = text(
    """
SELECT EXISTS (
    SELECT 1 FROM audience JOIN opt_out ON opt_out.team_id = :team AND opt_out.mobile = audience.mobile
    WHERE audience.team_id = :team AND audience.campaign_id = :campaign)
"""
)

OPT_OUTS = text("SELECT count(*) AS people, max(opted_out_at) AS latest FROM opt_out WHERE team_id = :team")
