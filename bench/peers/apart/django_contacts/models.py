"""Contacts as a Django developer declares them: the same columns, links and indexes as the product's table."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from rest_framework import serializers

from bench.peers.apart.inputs import COLUMNS, HIDDEN_BELOW


class Country(models.Model):
    """A country."""

    name = models.TextField()

    class Meta:
        """The table."""

        app_label = "django_contacts"

    def __str__(self) -> str:
        """Name it."""
        return self.name


class Company(models.Model):
    """A company, to be linked."""

    name = models.TextField()

    class Meta:
        """The table."""

        app_label = "django_contacts"

    def __str__(self) -> str:
        """Name it."""
        return self.name


class Partners(models.QuerySet):
    """Partners, and the rule that Django leaves to whoever writes a view."""

    def seen(self) -> Partners:
        """Keep those that the user sees."""
        return self.filter(customer_rank__gte=HIDDEN_BELOW)


class Partner(models.Model):
    """A contact."""

    create_date = models.DateTimeField(auto_now_add=True)
    write_date = models.DateTimeField(auto_now=True)
    create_uid = models.BigIntegerField(default=1)
    write_uid = models.BigIntegerField(default=1)
    version = models.BigIntegerField(default=1)
    name = models.TextField(db_index=True)
    ref = models.TextField(default="", db_index=True)
    company_name = models.TextField(default="", blank=True)
    is_company = models.BooleanField(default=False)
    parent = models.ForeignKey("self", models.RESTRICT, null=True)
    function = models.TextField(default="", blank=True)
    email = models.TextField(default="", blank=True)
    phone = models.TextField(default="", blank=True)
    website = models.TextField(default="", blank=True)
    street = models.TextField(default="", blank=True)
    city = models.TextField(default="", db_index=True)
    zip = models.TextField(default="", blank=True)
    country = models.ForeignKey(Country, models.RESTRICT, null=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.RESTRICT, null=True)
    customer_rank = models.IntegerField(default=0, db_index=True)
    supplier_rank = models.IntegerField(default=0, db_index=True)
    comment = models.TextField(default="", blank=True)
    company = models.ForeignKey(Company, models.RESTRICT, null=True)
    active = models.BooleanField(default=True)

    objects = Partners.as_manager()

    class Meta:
        """The table, its indexes and constraints."""

        app_label = "django_contacts"
        indexes = (
            models.Index(Lower("name"), "name", name="partner_name_sort"),
            models.Index(Lower("ref"), "ref", name="partner_ref_sort"),
            models.Index(Lower("city"), "city", name="partner_city_sort"),
        )
        constraints = (
            models.UniqueConstraint(fields=["ref", "company"], name="partner_ref_unique", nulls_distinct=False),
            models.CheckConstraint(
                condition=models.Q(customer_rank__gte=0, supplier_rank__gte=0), name="partner_sane_ranks"
            ),
        )

    def __str__(self) -> str:
        """Name it."""
        return self.name


class PartnerSerializer(serializers.ModelSerializer):
    """A contact in an API: the columns that are read, and its country's name."""

    country_name = serializers.CharField(source="country.name", default="")

    class Meta:
        """What is shown."""

        model = Partner
        fields = ("id", *COLUMNS, "country_name")
