"""What the audit log calls the things that campaigns, contacts and gateways note, and where they stand."""

from __future__ import annotations

from webapp.accounts.audit_objects import Kind
from webapp.campaigns.models import Campaign, Template
from webapp.contacts.imports.models import ContactImport
from webapp.contacts.models import Contact, ContactGroup
from webapp.gateway.models import GatewayAccount

KINDS = {
    "campaign": Kind("campaigns.show", "campaign_id", Campaign.name),
    "contact": Kind("contacts.show", "contact_id", Contact.name),
    "gateway_account": Kind("gateway.show", "account_id", GatewayAccount.label),
    "group": Kind("contacts.group", "group_id", ContactGroup.name),
    "import": Kind("contacts.import_show", "import_id", ContactImport.file_name),
    "template": Kind("templates.show", "template_id", Template.name),
}
