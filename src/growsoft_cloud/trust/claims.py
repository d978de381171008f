"""The claims of the hosting: backups, standby, disaster recovery, staff, hosts and networks."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from growsoft.trust.claim import Claim, Missing
from growsoft_cloud.trust.at_rest import customers_data_is_encrypted
from growsoft_cloud.trust.copies import copies_are_spread
from growsoft_cloud.trust.keeping import backups_are_watched, copies_are_young, promised_backups_are_there
from growsoft_cloud.trust.locations import locations_are_published
from growsoft_cloud.trust.standby import failover_was_done

_LATER: Final = "Nothing to do yet; do not promise it to anybody before it is built."
_ATTEST: Final = "Keep the provider's document at hand; attestations cannot be recorded yet."

# A failover, once done, is evidence for as long as people still know how.
_A_QUARTER: Final = timedelta(days=92)

CLOUD: Final = (
    Claim(
        "BK-1",
        "We keep 14 full backups of each Growsoft database for at least 3 months: 1/day for 7 days, 1/week for 4"
        " weeks, 1/month for 3 months.",
        promised_backups_are_there,
        (
            "growsoft_cloud/backup/retention.py",
            "growsoft_cloud/backup/pruning.py",
            "growsoft_cloud/fleet/policy.py",
            "growsoft_cloud/operations/due.py",
            "growsoft_cloud/operations/work.py",
        ),
        (
            "tests/unit/backup/test_retention.py",
            "tests/unit/backup/test_pruning.py",
            "tests/unit/operations/test_due.py",
            "tests/integration/backup/test_year.py",
            "tests/acceptance/trust/test_bk1_keeping.py",
        ),
    ),
    Claim(
        "BK-2",
        "Backups are replicated in at least 3 different data centers, on at least 2 different continents.",
        copies_are_spread,
        ("growsoft_cloud/backup/copies.py", "growsoft_cloud/backup/making.py", "growsoft_cloud/fleet/policy.py"),
        (
            "tests/acceptance/trust/test_bk2_copies.py",
            "tests/unit/backup/test_copies.py",
            "tests/integration/backup/test_service.py",
        ),
    ),
    Claim(
        "BK-3",
        "The actual locations of our data centers are specified in our Privacy Policy.",
        locations_are_published,
        (
            "growsoft_cloud/console/privacy.py",
            "growsoft_cloud/fleet/models/places.py",
            "growsoft_cloud/fleet/places.py",
        ),
        ("tests/acceptance/trust/test_bk3_locations.py",),
    ),
    Claim(
        "BK-4",
        "You can also download manual backups of your live data by requesting us using the ticket or over phone.",
        Missing(
            "A manager of backups takes and downloads them on a page of his own database, staff by command; a ticket"
            " and a link to the verified contact are missing.",
            "In a database: Settings / Backups. On the command line: growsoft backup download ID --output FILE",
        ),
        ("growsoft_cloud/backup/download.py",),
        ("tests/acceptance/trust/test_bk4_download.py", "tests/acceptance/trust/test_bk4_own_backups.py"),
    ),
    Claim(
        "BK-5",
        "You can contact our Helpdesk to restore any of those backups.",
        Missing(
            "Any backup can be restored beside the live database, and take its place and give it back; a helpdesk that"
            " is asked for it is missing.",
            "On the command line: growsoft backup restore ID --into NEW, then growsoft backup swap NEW --over NAME",
        ),
        ("growsoft_cloud/backup/restore.py", "growsoft_cloud/backup/swap.py"),
        ("tests/integration/backup/test_service.py", "tests/acceptance/trust/test_bk5_swap.py"),
    ),
    Claim(
        "BK-6",
        "we actively monitor our daily backups, and they are replicated in multiples locations on different"
        " continents.",
        backups_are_watched,
        (
            "growsoft_cloud/operations/monitor.py",
            "growsoft_cloud/operations/watching.py",
            "growsoft_cloud/operations/alerts.py",
        ),
        (
            "tests/unit/operations/test_monitor.py",
            "tests/unit/operations/test_alerts.py",
            "tests/acceptance/trust/test_bk1_keeping.py",
        ),
    ),
    Claim(
        "HA-1",
        "Hardware failover: for services hosted on bare metal, where hardware failure is possible, we implement local"
        " hot standby replication, with monitoring and a manual failover procedure that takes less time.",
        failover_was_done,
        ("growsoft/postgres/standby.py", "growsoft/postgres/replication.py", "growsoft/cli/servers.py"),
        ("tests/acceptance/trust/test_ha1_standby.py", "tests/integration/postgres_server/test_standby.py"),
        _A_QUARTER,
    ),
    Claim(
        "DR-1",
        "RPO (Recovery Point Objective) = 24h.",
        copies_are_young,
        (
            "growsoft_cloud/operations/due.py",
            "growsoft_cloud/operations/monitor.py",
            "growsoft_cloud/pitr/archiver.py",
        ),
        (
            "tests/unit/operations/test_due.py",
            "tests/acceptance/trust/test_bk1_keeping.py",
            "tests/acceptance/trust/test_moments.py",
        ),
    ),
    Claim(
        "DR-2",
        "RTO (Recovery Time Objective) = 24h for paid subscriptions, 48h for free trials, education offer, freemium "
        "users, etc.",
        Missing("There is no recovery plan that could be timed yet.", _LATER),
    ),
    Claim(
        "DR-3",
        "We have automated provisioning to deploy our services in a new hosting location.",
        Missing("There is no provisioning of hosts yet.", _LATER),
    ),
    Claim(
        "DR-4",
        "We routinely use both the daily backups and provisioning scripts for daily operations, so both parts of the "
        "disaster recovery procedure are tested all the time.",
        Missing("There are no daily restores, copies and drills yet.", _LATER),
    ),
    Claim(
        "ST-1",
        "For this they use their own special staff credentials, not your password (which they have no way to know).",
        Missing("There is no staff access yet; nobody but a database's own users can sign in.", _LATER),
    ),
    Claim(
        "ST-2",
        "we can audit and control staff actions separately!",
        Missing(
            "Every change is kept with user, staff member and reason, sealed, and compared with the backup sites by"
            " `growsoft audit verify DB`; there are no staff sessions yet.",
            _LATER,
        ),
        (
            "growsoft/postgres/audit.sql",
            "growsoft/postgres/audit.py",
            "growsoft/postgres/sealing.py",
            "growsoft/postgres/verifying.py",
            "growsoft_cloud/backup/seals.py",
        ),
        (
            "tests/security/test_st2_history.py",
            "tests/integration/postgres/test_history_seals.py",
            "tests/integration/keeper/test_history.py",
            "tests/unit/backup/test_seals.py",
        ),
    ),
    Claim(
        "ST-3",
        "Our Helpdesk staff strives to respect your privacy as much as possible, and only access files and settings "
        "needed to diagnose and resolve your issue.",
        Missing("There is no staff access, and so no scope of it, yet.", _LATER),
    ),
    Claim(
        "SY-1",
        "All Growsoft Cloud servers are running hardened Linux distributions with up-to-date security patches.",
        Missing("There is no provisioning of hosts yet.", _LATER),
    ),
    Claim(
        "SY-2",
        "Installations are ad-hoc and minimal to limit the number of services that could contain vulnerabilities (no "
        "PHP/MySQL stack for example).",
        Missing("There is no list of allowed packages and ports for hosts yet.", _LATER),
    ),
    Claim(
        "SY-3",
        "Only a few trusted Growsoft engineers have clearance to remotely manage the servers – and access is only "  # noqa: RUF001  the policy's own dash
        "possible using an encrypted personal SSH keypair, from a computer with full-disk encryption.",
        Missing("There is no authority for SSH certificates, and no attestation of the engineers' disks.", _ATTEST),
    ),
    Claim(
        "PH-1",
        "Growsoft Cloud servers are hosted in trusted data centers in various regions of the world (e.g. OVH, Google "
        "Cloud), and they must all exceed our physical security criterions:",
        Missing("No data centre has an attestation: the ones here are folders.", _ATTEST),
        ("growsoft_cloud/fleet/places.py",),
    ),
    Claim(
        "EN-2",
        "All internal data communications between our servers are also protected with state-of-the-art encryption"
        " (SSH).",
        Missing(
            "The standby streams over TLS 1.3 with a verified certificate, and PostgreSQL takes nothing else from the"
            " network; a capture of the traffic is missing.",
            _LATER,
        ),
        ("growsoft/postgres/replication.py", "growsoft/postgres/parameters.py"),
        ("tests/integration/postgres_server/test_standby.py", "tests/integration/security/test_postgresql_tls.py"),
    ),
    Claim(
        "EN-4",
        "All customer data (database content and stored files) is encrypted at rest, both in production and in backups "
        "(AES-128 or AES-256)",
        customers_data_is_encrypted,
        (
            "growsoft/security/streams.py",
            "growsoft/security/envelope.py",
            "growsoft/security/blobs.py",
            "growsoft_cloud/backup/archive.py",
            "growsoft_cloud/pitr/sealing.py",
            "growsoft_cloud/trust/volumes.py",
        ),
        (
            "tests/unit/security/test_streams.py",
            "tests/unit/backup/test_archive.py",
            "tests/unit/trust/test_at_rest.py",
            "tests/acceptance/trust/test_en4_marker.py",
            "tests/acceptance/trust/test_moments.py",
            "tests/integration/pitr/test_archiver.py",
        ),
    ),
    Claim(
        "ND-1",
        "All data center providers used by Growsoft Cloud have very large network capacities, and have designed their "
        "infrastructure to withstand the largest Distributed Denial of Service (DDoS) attacks.",
        Missing(
            "Heads, bodies and connections have limits before a thread is taken; flood tests and the providers'"
            " attestations are missing.",
            _ATTEST,
        ),
        ("growsoft/web/limits.py", "growsoft/web/acceptor.py"),
        ("tests/unit/web/test_server.py",),
    ),
    Claim(
        "ND-2",
        "Firewalls and intrusion prevention systems on Growsoft Cloud servers help detect and block threats such as "
        "brute-force password attacks.",
        Missing("Sign-ins are throttled by login and network; hosts have no firewall and no ban list yet.", _LATER),
        ("growsoft/postgres/credentials.sql",),
    ),
    Claim(
        "VR-1",
        "These reports are treated with high priority, the problem is immediately assessed and solved by the Growsoft "
        "security team, in collaboration with the reporter, and then disclosed in a responsible manner to Growsoft "
        "customers and users.",
        Missing(
            "SECURITY.md says where to report and what follows; security.txt, the form and its priority ticket are"
            " missing.",
            _LATER,
        ),
    ),
)
