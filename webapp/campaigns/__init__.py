"""Campaigns, from the first word to the last report: the plan of the house. docs/sending-inside.md tells why.

The rows and what they may be
    models, states, locking

Writing: a draft is kept as it is written and laid out before it is shown
    written, kept, drafts, texts, problems, looking, counting, previews, discarding, moments, again,
    again_statements
    people, people_statements, audience, reasons, laying, storing_drafts, draft_statements, clearing, sources

Confirming, time, and the ways back
    operations, caps, caps_statements, asking, affording, spend, spend_statements, schedule, hours, spread,
    spreading, editing, stopping, pausing, older_copies, restored_statements

Sending: plan → T1 → request → T2, in the sender's loop
    sender, calls, shares, planning, claims, claim_statements, dropping, answers, storing, statements
    halving, repeats, setbacks, reaper, endings, room, refused

What nobody can know: evidence, reports, a person
    adoption, decisions, apart, late_news, evidence, balance_told, decision_statements

Numbers that add up
    tallies, rollups, rollup_statements, ladder, recounting, invariants, invariant_statements

What pages read
    queries, listing, recipients, addresses, places, history, pace, progress, sentences, watching,
    operators, sent_to, tracing, trace_words, trace_statements, cautions, spread_words, testing

Templates: texts that are kept to begin from
    template_operations, template_queries, template_page, template_views

Pages, forms, jobs, mails
    blueprint, views, compose_views, composing, compose_page, review_views, time_views, spread_views,
    spread_forms, typed_number, refused_views, unconfirmed_views, decision_forms, message_views, start, forms,
    jobs, notices
"""
