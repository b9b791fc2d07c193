"""The set-based statements of a draft's audience, as SQL."""

from __future__ import annotations

from sqlalchemy import text

FORGET_AUDIENCE = text("DELETE FROM audience WHERE team_id = :team AND campaign_id = :campaign")
FORGET_TEXTS = text("DELETE FROM campaign_text WHERE team_id = :team AND campaign_id = :campaign")

# Rows come as one JSON document each: it is written much quicker than arrays of thousands. A text may have
# been stored with an earlier slice of the audience.
STORE_TEXTS = text(
    """
INSERT INTO campaign_text (team_id, campaign_id, text_hash, content, parts)
SELECT :team, :campaign, decode(hash, 'hex'), content, parts
FROM json_to_recordset(CAST(:rows AS json)) AS made (hash text, content text, parts integer)
ON CONFLICT DO NOTHING
"""
)

STORE_AUDIENCE = text(
    """
INSERT INTO audience (team_id, campaign_id, text_hash, mobile, copy, variables)
SELECT :team, :campaign, decode(hash, 'hex'), mobile, copy, own
FROM json_to_recordset(CAST(:rows AS json)) AS made (hash text, mobile text, copy smallint, own jsonb)
"""
)

# What is laid out: how much it is, and a digest of every number with its text, which the confirm must find
# unchanged. `Laid.digest` makes the same of what is not stored yet. The weight of a text is looked up row by
# row: of rows that were only just written the planner knows nothing, and would join each with each.
AUDIENCE = text(
    """
WITH laid AS MATERIALIZED (
    SELECT mobile, text_hash, copy, coalesce((
            SELECT string_agg(key || '=' || value, E'\\x1f' ORDER BY key COLLATE "C")
            FROM jsonb_each_text(variables)), '') AS own,
        (SELECT parts FROM campaign_text WHERE campaign_text.team_id = audience.team_id
            AND campaign_text.campaign_id = audience.campaign_id
            AND campaign_text.text_hash = audience.text_hash) AS parts
    FROM audience WHERE team_id = :team AND campaign_id = :campaign
)
SELECT count(*) AS recipients, coalesce(sum(parts), 0) AS cost,
    encode(sha256(convert_to(coalesce(string_agg(
        concat_ws(' ', mobile, encode(text_hash, 'hex'), copy, parts, own),
        E'\\n' ORDER BY mobile COLLATE "C", text_hash, copy), ''), 'UTF8')), 'hex') AS digest
FROM laid
"""
)

# The texts, and how many requests they need: a request has one text.
TEXTS = text(
    """
SELECT count(*) AS texts, coalesce(sum((people + :limit - 1) / :limit), 0) AS requests,
    min(parts) AS parts_least, max(parts) AS parts
FROM (
    SELECT people, (SELECT parts FROM campaign_text WHERE team_id = :team AND campaign_id = :campaign
        AND campaign_text.text_hash = by_text.text_hash) AS parts
    FROM (
        SELECT text_hash, count(*) AS people FROM audience
        WHERE team_id = :team AND campaign_id = :campaign GROUP BY text_hash
    ) AS by_text
) AS weighed
"""
)

SHORTEST_AND_LONGEST = text(
    """
(SELECT content FROM campaign_text WHERE team_id = :team AND campaign_id = :campaign
ORDER BY length(content), text_hash LIMIT 1)
UNION ALL
(SELECT content FROM campaign_text WHERE team_id = :team AND campaign_id = :campaign
ORDER BY length(content) DESC, text_hash LIMIT 1)
"""
)

# The recipients of a draft, or of a campaign that is planned, with what was filled in; not those who are in
# one of its groups. A number that was erased is none any more.
LINES_OF_AUDIENCE = text(
    """
SELECT mobile, variables FROM audience
WHERE team_id = :team AND campaign_id = :campaign AND NOT EXISTS (
    SELECT 1 FROM contact
    JOIN grouped_contact ON grouped_contact.team_id = :team AND grouped_contact.contact_id = contact.id
    JOIN campaign_group ON campaign_group.team_id = :team AND campaign_group.campaign_id = :campaign
        AND campaign_group.group_id = grouped_contact.group_id AND NOT campaign_group.minus
    WHERE contact.team_id = :team AND contact.mobile = audience.mobile)
ORDER BY mobile, copy LIMIT :most
"""
)
LINES_OF_MESSAGES = text(
    """
SELECT mobile, variables FROM message
WHERE team_id = :team AND campaign_id = :campaign AND mobile LIKE '1%' AND NOT EXISTS (
    SELECT 1 FROM contact
    JOIN grouped_contact ON grouped_contact.team_id = :team AND grouped_contact.contact_id = contact.id
    JOIN campaign_group ON campaign_group.team_id = :team AND campaign_group.campaign_id = :campaign
        AND campaign_group.group_id = grouped_contact.group_id AND NOT campaign_group.minus
    WHERE contact.team_id = :team AND contact.mobile = message.mobile)
ORDER BY mobile, copy LIMIT :most
"""
)
