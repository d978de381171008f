"""The external API that software written for Odoo speaks: XML-RPC, JSON-RPC, its sessions, and JSON-2."""

from growsoft.web.odoo import json2, jsonrpc, xmlrpc
from growsoft.web.odoo.visit import API_ROUTES

__all__ = ["API_ROUTES", "json2", "jsonrpc", "xmlrpc"]
