"""The set-based statements of a draft's audience, as SQL."""

from __future__ import annotations

from sqlalchemy import text

FORGET_AUDIENCE = text("DELETE FROM audience WHERE team_id = :team AND campaign_id = :campaign")
FORGET_TEXTS = text("DELETE FROM campaign_text WHERE team_id = :team AND campaign_id = :campaign")

STORE_TEXTS = text(
    """
INSERT INTO campaign_text (team_id, campaign_id, text_hash, content, parts)
SELECT :team, :campaign, text_hash, content, parts
FROM unnest(CAST(:hashes AS bytea[]), CAST(:contents AS text[]), CAST(:parts AS integer[]))
    AS made (text_hash, content, parts)
"""
)

STORE_AUDIENCE = text(
    """
INSERT INTO audience (team_id, campaign_id, text_hash, mobile, variables)
SELECT :team, :campaign, text_hash, mobile, CASE WHEN name <> '' THEN jsonb_build_object('name', name) END
FROM unnest(CAST(:hashes AS bytea[]), CAST(:mobiles AS text[]), CAST(:names AS text[]))
    AS made (text_hash, mobile, name)
"""
)

# What is laid out: how much it is, and a digest of every number with its text, which the confirm must find
# unchanged. `Laid.digest` makes the same of what is not stored yet. The weight of a text is looked up row by
# row: of rows that were only just written the planner knows nothing, and would join each with each.
AUDIENCE = text(
    """
WITH laid AS MATERIALIZED (
    SELECT mobile, text_hash, copy, coalesce(variables->>'name', '') AS name,
        (SELECT parts FROM campaign_text WHERE campaign_text.team_id = audience.team_id
            AND campaign_text.campaign_id = audience.campaign_id
            AND campaign_text.text_hash = audience.text_hash) AS parts
    FROM audience WHERE team_id = :team AND campaign_id = :campaign
)
SELECT count(*) AS recipients, coalesce(sum(parts), 0) AS cost,
    encode(sha256(convert_to(coalesce(string_agg(
        concat_ws(' ', mobile, encode(text_hash, 'hex'), parts, name),
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

# The recipients of a draft, or of a campaign that is planned, with the names that were filled in. A number
# that was erased is none any more.
LINES_OF_AUDIENCE = text(
    """
SELECT mobile, variables->>'name' AS name FROM audience
WHERE team_id = :team AND campaign_id = :campaign ORDER BY mobile, copy LIMIT :most
"""
)
LINES_OF_MESSAGES = text(
    """
SELECT mobile, variables->>'name' AS name FROM message
WHERE team_id = :team AND campaign_id = :campaign AND mobile LIKE '1%' ORDER BY mobile, copy LIMIT :most
"""
)
