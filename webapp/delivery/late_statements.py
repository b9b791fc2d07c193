"""What is looked for in reports once they are settled, as SQL; the tables of the session hold them still."""

from __future__ import annotations

from sqlalchemy import text

# Only a batch with an unclear attempt can have a msgid for the first request and one for a repeat; so nearly
# always the first step finds nothing and the rest is not run. A msgid that the batch has from the one that a
# person had sent again does not count: these were two requests by intent.
DELIVERED_TWICE = text(
    """
WITH several AS MATERIALIZED (
    SELECT settling_batch.campaign_id, settling_batch.no FROM settling_batch
    JOIN gateway_message ON gateway_message.team_id = :team
        AND gateway_message.campaign_id = settling_batch.campaign_id
        AND gateway_message.batch_no = settling_batch.no
    WHERE settling_batch.first_unknown
    GROUP BY settling_batch.campaign_id, settling_batch.no
    HAVING count(DISTINCT gateway_message.msgid_key) > 1
), told AS (
    SELECT DISTINCT several.campaign_id, several.no, settling_match.mobile FROM several
    JOIN settling_match ON settling_match.campaign_id = several.campaign_id
        AND settling_match.batch_no = several.no AND settling_match.status = 'DELIVRD'
)
SELECT batch.account_id, batch.campaign_id, batch.no
FROM told JOIN batch ON batch.team_id = :team AND batch.campaign_id = told.campaign_id AND batch.no = told.no
WHERE 1 < (
    SELECT count(DISTINCT report.msgid_key)
    FROM report JOIN gateway_message AS own ON own.team_id = :team AND own.account_id = report.account_id
        AND own.msgid_key = report.msgid_key AND own.campaign_id = told.campaign_id AND own.batch_no = told.no
    WHERE report.team_id = :team AND report.campaign_id = told.campaign_id AND report.mobile = told.mobile
        AND report.state = 'matched' AND report.status = 'DELIVRD'
        AND NOT EXISTS (
            SELECT 1 FROM gateway_message AS parents WHERE parents.team_id = :team
                AND parents.account_id = own.account_id AND parents.msgid_key = own.msgid_key
                AND parents.campaign_id = own.campaign_id AND parents.batch_no = batch.parent))
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
)
