"""Campaigns, from the first word to the last report: the plan of the house. docs/sending.md tells why.

The rows and what they may be
    models, states, locking

Writing: a draft is kept as it is written and laid out before it is shown
    written, kept, drafts, texts, problems, looking, counting, previews, discarding, moments
    people, people_statements, audience, reasons, laying, storing_drafts, draft_statements, clearing, sources

Confirming, time, and the ways back
    operations, schedule, hours, editing, stopping, pausing, older_copies, restored_statements

Sending: plan → T1 → request → T2, in the sender's loop
    sender, planning, claims, dropping, answers, storing, statements
    halving, repeats, setbacks, reaper, endings

What nobody can know: evidence, reports, a person
    adoption, decisions, apart, late_news, evidence, decision_statements

Numbers that add up
    tallies, rollups, rollup_statements, ladder, recounting, invariants, invariant_statements

What pages read
    queries, listing, recipients, addresses, places, history, pace, progress, sentences, watching,
    operators, sent_to, tracing, trace_words, trace_statements, cautions, testing

Templates: texts that are kept to begin from
    template_operations, template_queries, template_page, template_views

Pages, forms, jobs, mails
    blueprint, views, compose_views, composing, compose_page, review_views, time_views, unconfirmed_views,
    decision_forms, message_views, start, forms, jobs, notices
"""
