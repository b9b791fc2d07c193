"""The statements of erasing one number, as SQL.

`:like` is the number with `%` around it: what people pasted or a file held is compared by its digits alone.
"""

from __future__ import annotations

from sqlalchemy import text

_HOLDS = "regexp_replace(normalize({text}, NFKC), '[^0-9]', '', 'g') LIKE :like"

# Campaigns, but for drafts, that hold the number, and whether everything of them about it is final: nothing
# can be posted any more, and no report has to find the message by its number. Asked campaign by campaign,
# because messages are found by their campaign first.
CAMPAIGNS = text(
    """
SELECT campaign.id, CASE WHEN audience.found OR campaign.stale_rows OR campaign.state = 'planning' THEN false
    ELSE NOT coalesce(pending.found, false) END AS final
FROM campaign
JOIN gateway_account AS account ON account.team_id = :team AND account.id = campaign.account_id
CROSS JOIN LATERAL (SELECT EXISTS (
    SELECT 1 FROM audience WHERE audience.team_id = :team AND audience.campaign_id = campaign.id
        AND audience.mobile = :mobile LIMIT 1) AS found) AS audience
CROSS JOIN LATERAL (SELECT EXISTS (
    SELECT 1 FROM message WHERE message.team_id = :team AND message.campaign_id = campaign.id
        AND message.mobile = :mobile LIMIT 1) AS found) AS message
LEFT JOIN LATERAL (
    SELECT true AS found FROM message JOIN batch ON batch.team_id = :team
        AND batch.campaign_id = message.campaign_id AND batch.no = message.batch_no
    WHERE message.team_id = :team AND message.campaign_id = campaign.id AND message.mobile = :mobile
        AND message.outcome IS DISTINCT FROM 'not_sent'
        AND batch.state NOT IN ('rejected', 'replaced', 'closed', 'stopped')
        AND NOT (batch.state = 'accepted' AND (coalesce(message.outcome, '') IN ('delivered', 'failed')
            OR coalesce(batch.handed_at, :now) < CAST(:now AS timestamptz)
                - make_interval(secs => account.report_expired_seconds)))
    LIMIT 1
) AS pending ON true
WHERE campaign.team_id = :team AND campaign.state <> 'draft' AND (audience.found OR message.found)
ORDER BY campaign.id
"""
)

# Files that are being read or written at this moment; they may hold the number and bring it back.
BUSY_FILES = text(
    """
SELECT (SELECT count(*) FROM contact_import WHERE team_id = :team
        AND state NOT IN ('done', 'failed', 'undone', 'discarded'))
    + (SELECT count(*) FROM export WHERE team_id = :team AND state = 'making')
"""
)

LOCK_BATCHES = text(
    """
SELECT no FROM batch WHERE team_id = :team AND campaign_id = :campaign AND :mobile = ANY(mobiles)
ORDER BY no FOR NO KEY UPDATE
"""
)

# The operator of a number, as the first digit of what stands for it (migration 0007).
OPERATOR = text("SELECT operator_of(:mobile)")

ERASE_MESSAGES = text(
    """
UPDATE message SET mobile = :x, variables = NULL
WHERE team_id = :team AND campaign_id = :campaign AND mobile = :mobile
"""
)

# A text with fields that nobody is left of is about erased people alone. Digests stay what they are: they
# prove what was posted.
ERASE_BATCHES = text(
    """
UPDATE batch SET mobiles = array_replace(batch.mobiles, :mobile, :x),
    content = CASE WHEN campaign.body ~ '[{][^{}]+[}]' AND NOT EXISTS (
        SELECT 1 FROM unnest(batch.mobiles) AS held (mobile) WHERE held.mobile LIKE '1%'
            AND held.mobile <> :mobile) THEN '' ELSE batch.content END
FROM campaign
WHERE batch.team_id = :team AND batch.campaign_id = :campaign AND :mobile = ANY(batch.mobiles)
    AND campaign.team_id = :team AND campaign.id = batch.campaign_id
"""
)

# What a gateway answered may name a number that it did not take.
ANSWERS = text(
    """
SELECT batch_no, n, answer FROM attempt
WHERE team_id = :team AND campaign_id = :campaign AND position(convert_to(:mobile, 'UTF8') IN answer) > 0
"""
)
ERASE_ANSWER = text(
    """
UPDATE attempt SET answer = :answer
WHERE team_id = :team AND campaign_id = :campaign AND batch_no = :no AND n = :n
"""
)

# A test fills in the name of somebody as what stands for a missing one.
ERASE_CAMPAIGN = text(
    """
UPDATE campaign SET cursor_hash = CASE WHEN cursor_mobile = :mobile THEN NULL ELSE cursor_hash END,
    cursor_copy = CASE WHEN cursor_mobile = :mobile THEN NULL ELSE cursor_copy END,
    cursor_mobile = nullif(cursor_mobile, :mobile),
    defaults = CASE WHEN kind = 'test' THEN '{}' ELSE defaults END
WHERE team_id = :team AND id = :campaign
"""
)

# The identity of a report is a hash over its number, which could be guessed from it.
ERASE_MATCHED_REPORTS = text(
    """
UPDATE report SET mobile = :x, time_text = '',
    identity = sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
WHERE team_id = :team AND campaign_id = :campaign AND mobile = :mobile AND state = 'matched'
"""
)
ERASE_OTHER_REPORTS = text(
    """
UPDATE report SET mobile = :x, time_text = '', state = 'unmatched',
    identity = sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
WHERE team_id = :team AND mobile = :mobile AND state <> 'matched'
"""
)
ERASE_INBOX = text("DELETE FROM report_inbox WHERE team_id = :team AND mobile = :mobile")
ERASE_UNREADABLE = text(
    """
UPDATE unreadable_report SET raw = '' WHERE team_id = :team
    AND position(convert_to(:mobile, 'UTF8') IN raw) > 0
"""
)

# Drafts: whoever is laid out already is laid out anew at the next look.
DRAFTS = text(
    f"""
SELECT campaign.id, draft_paste.numbers FROM campaign
LEFT JOIN draft_paste ON draft_paste.team_id = :team AND draft_paste.campaign_id = campaign.id
WHERE campaign.team_id = :team AND campaign.state = 'draft' AND ({_HOLDS.format(text="draft_paste.numbers")}
    OR EXISTS (SELECT 1 FROM audience WHERE audience.team_id = :team
        AND audience.campaign_id = campaign.id AND audience.mobile = :mobile))
ORDER BY campaign.id FOR NO KEY UPDATE OF campaign
"""  # noqa: S608 # put together from our own text
)
PASTE = text("SELECT numbers FROM draft_paste WHERE team_id = :team AND campaign_id = :campaign")


ERASE_DRAFT = text(
    """
UPDATE campaign SET version = version + 1, prepared_version = NULL, layout = NULL
WHERE team_id = :team AND id = :campaign
"""
)
ERASE_PASTE = text(
    "UPDATE draft_paste SET numbers = :numbers WHERE team_id = :team AND campaign_id = :campaign"
)

LEFT_OUT = text(
    f"""
SELECT id, left_out FROM campaign WHERE team_id = :team AND {_HOLDS.format(text="left_out::text")}
ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 # put together from our own text
)
ERASE_LEFT_OUT = text(
    """
UPDATE campaign SET left_out = CAST(:left_out AS jsonb) WHERE team_id = :team AND id = :campaign
"""
)

# A row that is left out keeps its place, its number and why; of what stood in it nothing is left.
ERASE_PROBLEMS = text(
    f"""
UPDATE import_problem SET cells = array_fill(CAST('' AS text), ARRAY[cardinality(cells)])
WHERE team_id = :team AND EXISTS (
    SELECT 1 FROM unnest(cells) AS one (cell) WHERE {_HOLDS.format(text="one.cell")})
"""  # noqa: S608 # put together from our own text
)
ERASE_HEADINGS = text(
    f"""
UPDATE contact_import SET columns = (
    SELECT jsonb_agg(CASE WHEN {_HOLDS.format(text="one.value->>'head'")}
        THEN jsonb_set(one.value, '{{head}}', '""') ELSE one.value END ORDER BY one.ordinality)
    FROM jsonb_array_elements(columns) WITH ORDINALITY AS one (value, ordinality))
WHERE team_id = :team AND {_HOLDS.format(text="columns::text")}
"""  # noqa: S608 # put together from our own text
)

# What is in a file is not known without reading it, so all go. By BUSY_FILES nobody needs one any more.
ERASE_FILES = text("DELETE FROM stored_file WHERE team_id = :team")
