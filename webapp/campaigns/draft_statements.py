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
# unchanged. `Laid.digest` makes the same of what is not stored yet.
AUDIENCE = text(
    """
SELECT count(*) AS recipients, coalesce(sum(campaign_text.parts), 0) AS cost,
    encode(sha256(convert_to(coalesce(string_agg(
        concat_ws(' ', mobile, encode(text_hash, 'hex'), campaign_text.parts,
            coalesce(variables->>'name', '')),
        E'\\n' ORDER BY mobile COLLATE "C", text_hash, copy), ''), 'UTF8')), 'hex') AS digest
FROM audience JOIN campaign_text USING (team_id, campaign_id, text_hash)
WHERE team_id = :team AND campaign_id = :campaign
"""
)

# The texts, and how many requests they need: a request has one text.
TEXTS = text(
    """
SELECT count(*) AS texts, min(parts) AS parts_least, max(parts) AS parts,
    coalesce(sum(-(-people / :limit)), 0) AS requests
FROM (
    SELECT campaign_text.parts, count(*) AS people
    FROM audience JOIN campaign_text USING (team_id, campaign_id, text_hash)
    WHERE team_id = :team AND campaign_id = :campaign
    GROUP BY text_hash, campaign_text.parts
) AS by_text
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
