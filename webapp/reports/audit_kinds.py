"""What the audit log calls the things that campaigns, contacts and gateways note, and where they stand."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from webapp.accounts.audit_objects import Kind
from webapp.campaigns.models import Campaign, Template
from webapp.contacts.imports.models import ContactImport
from webapp.contacts.models import Contact, ContactGroup
from webapp.gateway.models import GatewayAccount

KINDS = {
    "campaign": Kind(_l("Campaign"), "campaigns.show", "campaign_id", Campaign.name),
    "contact": Kind(_l("Contact"), "contacts.show", "contact_id", Contact.name),
    "gateway_account": Kind(_l("Gateway account"), "gateway.show", "account_id", GatewayAccount.label),
    "group": Kind(_l("Group"), "contacts.group", "group_id", ContactGroup.name),
    "import": Kind(_l("Import"), "contacts.import_show", "import_id", ContactImport.file_name),
    "template": Kind(_l("Template"), "templates.show", "template_id", Template.name),
}
