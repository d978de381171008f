"""The claims of the software: what holds wherever Growsoft is installed. Those of the hosting are in growsoft_cloud."""

from __future__ import annotations

from typing import Final

from growsoft.trust.claim import Claim, Missing
from growsoft.trust.injection import no_built_statements
from growsoft.trust.isolation import no_way_across, one_database_each
from growsoft.trust.passwords import stretched_and_salted
from growsoft.trust.remote import private_stays_private
from growsoft.trust.review import code_is_reviewed
from growsoft.trust.transport import only_over_https, strong_certificates, strong_suites
from growsoft.trust.wall import rows_are_walled

# What is built and tested, but not yet looked at on the running system: the tests do not make a claim met.
_UNCHECKED: Final = "Nothing to do on this installation; the tests named here run with `make test`."
_LATER: Final = "Nothing to do yet; do not promise it to anybody before it is built."

SOFTWARE: Final = (
    Claim(
        "DB-1",
        "Customer data is stored in a dedicated database – no sharing of data between clients.",  # noqa: RUF001  the policy's own dash
        one_database_each,
        ("growsoft/postgres/provision.py", "growsoft/keeper/databases.py", "growsoft/apps/instance/models.py"),
        (
            "tests/acceptance/trust/test_db_isolation.py",
            "tests/integration/trust/test_db_isolation.py",
            "tests/unit/trust/test_isolation.py",
            "tests/integration/keeper/test_databases.py",
        ),
    ),
    Claim(
        "DB-2",
        "Data access control rules implement complete isolation between customer databases running on the same"
        " cluster, no access is possible from one database to another.",
        no_way_across,
        (
            "growsoft/postgres/parameters.py",
            "growsoft/postgres/provision.py",
            "growsoft/postgres/walls.sql",
            "growsoft/security/keyring.py",
        ),
        (
            "tests/acceptance/trust/test_db_isolation.py",
            "tests/integration/trust/test_db_isolation.py",
            "tests/unit/trust/test_isolation.py",
            "tests/security/test_db2_other_databases.py",
        ),
    ),
    Claim(
        "PW-1",
        "Customer passwords are protected with industry-standard PBKDF2+SHA512 encryption (salted + stretched for "
        "thousands of rounds).",
        stretched_and_salted,
        ("growsoft/security/passwords.py", "growsoft/postgres/credentials.sql", "growsoft/auth/passwords.py"),
        (
            "tests/acceptance/trust/test_pw1_passwords.py",
            "tests/integration/trust/test_pw1_passwords.py",
            "tests/unit/security/test_passwords.py",
        ),
    ),
    Claim(
        "PW-2",
        "Growsoft staff does not have access to your password, and cannot retrieve it for you, the only option if you "
        "lose it is to reset it.",
        Missing(
            "Verifiers lie where no login reads them and are compared inside the database; a running check of every"
            " path is missing.",
            _UNCHECKED,
        ),
        ("growsoft/postgres/context.sql", "growsoft/postgres/credentials.sql"),
    ),
    Claim(
        "PW-3",
        "Login credentials are always transmitted securely over HTTPS.",
        only_over_https,
        ("growsoft/web/plain.py", "growsoft/web/headers.py", "growsoft/web/session.py", "growsoft/web/acceptor.py"),
        (
            "tests/acceptance/trust/test_transport.py",
            "tests/unit/trust/test_transport.py",
            "tests/unit/web/test_server.py",
        ),
    ),
    Claim(
        "PW-4",
        "Customer database administrators even have the option to configure the rate limiting and cooldown duration"
        " for repeated login attempts.",
        Missing(
            "Attempts are counted in each database before anything is stretched; the screen to set limits, and a"
            " running check, are missing.",
            _LATER,
        ),
        ("growsoft/postgres/credentials.sql",),
        ("tests/security/test_pw4_guessing_by_raw_sql.py",),
    ),
    Claim(
        "PW-5",
        "Password policies: database administrators have a built-in setting for enforcing a minimum user password "
        "length. Other password policies like required character classes are not supported by default because they"
        " have been proven counter-productive.",
        Missing(
            "A minimum length of 12, a list of common passwords and no character classes are enforced; the"
            " administrator's setting is missing.",
            _LATER,
        ),
        ("growsoft/security/passwords.py",),
        ("tests/unit/security/test_password_policy.py",),
    ),
    Claim(
        "CC-1",
        "We never store credit card information on our own systems.",
        Missing("There is no payment, and no guard against card numbers in texts and logs yet.", _LATER),
    ),
    Claim(
        "CC-2",
        "Your credit card information is always transmitted securely directly between you and our PCI-Compliant"
        " payment acquirers.",
        Missing("There is no payment application yet.", _LATER),
    ),
    Claim(
        "EN-1",
        "All data communications to client instances are protected with state-of-the-art 256-bit SSL encryption"
        " (HTTPS).",
        strong_suites,
        ("growsoft/security/tls.py", "growsoft/security/tls_scan.py", "growsoft/cli/hosts.py"),
        (
            "tests/acceptance/trust/test_transport.py",
            "tests/unit/trust/test_transport.py",
            "tests/unit/security/test_tls.py",
        ),
    ),
    Claim(
        "EN-3",
        "All our SSL certificates use robust 2048-bit modulus with full SHA-2 certificates chains.",
        strong_certificates,
        ("growsoft/security/certificates.py", "growsoft/security/x509_values.py", "growsoft/cli/hosts.py"),
        (
            "tests/acceptance/trust/test_transport.py",
            "tests/unit/trust/test_transport.py",
            "tests/unit/security/test_certificates.py",
        ),
    ),
    Claim(
        "SW-1",
        "The Growsoft R&D processes have code review steps that include security aspects, for new and contributed"
        " pieces of code.",
        code_is_reviewed,
        ("growsoft/trust/review.py",),
        (
            "tests/unit/trust/test_review.py",
            "tests/security/test_sw1_proof.py",
            "tests/security/test_sw1_scanners_find_planted_holes.py",
        ),
        slow=True,
    ),
    Claim(
        "SW-2",
        "SQL injections are prevented by the use of a higher-level API that does not require manual SQL queries.",
        no_built_statements,
        (
            "growsoft/postgres/sql.py",
            "growsoft/orm/domain.py",
            "growsoft/orm/compile.py",
            "growsoft/trust/literal_sql.py",
        ),
        (
            "tests/acceptance/trust/test_sw2_injection.py",
            "tests/unit/trust/test_literal_sql.py",
            "tests/unit/postgres/test_sql.py",
            "tests/typing/test_refused.py",
        ),
    ),
    Claim(
        "SW-3",
        "XSS attacks are prevented by the use of a high-level templating system that automatically escapes injected"
        " data.",
        Missing(
            "Templates escape everything and pages run no inline script; a payload suite in a real browser and a"
            " running check are missing.",
            _UNCHECKED,
        ),
        ("growsoft/views/render.py", "growsoft/web/headers.py"),
        ("tests/integration/web/test_sw3_escaping.py",),
    ),
    Claim(
        "SW-4",
        "The framework prevents RPC access to private methods, making it harder to introduce exploitable"
        " vulnerabilities.",
        private_stays_private,
        ("growsoft/orm/api.py", "growsoft/web/odoo/calls.py", "growsoft/web/odoo/methods.py"),
        ("tests/integration/web/test_sw4_remote_calls.py", "tests/acceptance/trust/test_sw4_remote.py"),
    ),
    Claim(
        "SW-5",
        "It prevents any HTTP controller to receive a POST request without the corresponding security token.",
        Missing(
            "Every unsafe request of a browser needs the token of its session and our own origin; cross-site tests in a"
            " real browser and a running check are missing.",
            _UNCHECKED,
        ),
        ("growsoft/web/csrf.py", "growsoft/web/app.py"),
        ("tests/integration/web/test_sw5_forged_requests.py",),
    ),
    Claim(
        "SW-6",
        "These expressions are always evaluated by a sandboxed and sanitized environment that only allows access to "
        "permitted functions.",
        Missing("There are no customers' expressions yet.", _LATER),
    ),
    Claim(
        "SW-7",
        "Growsoft access control is not implemented at the user interface level, so there is no risk in exposing "
        "references to internal objects in URLs.",
        rows_are_walled,
        (
            "growsoft/postgres/context.sql",
            "growsoft/postgres/policies.py",
            "growsoft/postgres/check.py",
            "growsoft/orm/declare.py",
        ),
        (
            "tests/acceptance/trust/test_sw7_wall.py",
            "tests/integration/trust/test_sw7_wall.py",
            "tests/integration/postgres/test_check.py",
            "tests/security/test_sw7_closed_doors.py",
            "tests/security/test_sw7_definers.py",
            "tests/security/test_sw7_forged_context.py",
            "tests/security/test_sw7_leftovers.py",
            "tests/security/test_sw7_raw_sql_wall.py",
            "tests/security/test_sw7_rows.py",
        ),
    ),
    Claim(
        "SW-8",
        "It is also possible to use external authentication systems such as OAuth 2.0 or LDAP, in order to avoid"
        " storing user passwords locally at all.",
        Missing("There is no sign-in by OAuth or LDAP yet.", _LATER),
    ),
    Claim(
        "SW-9",
        "The Growsoft deployment guide includes a Security checklist for safer public deployments.",
        Missing(
            "HTTPS is the default; configurations for nginx, Apache and Lighttpd, and the guide with its list, are"
            " missing.",
            "Serve on this machine only, or by HTTPS directly; growsoft doctor looks at the address.",
        ),
        ("growsoft/cli/doctor.py",),
    ),
    Claim(
        "SW-10",
        "In rare cases where a URL provides unauthenticated access to sensitive data, such as special URLs customers"
        " use to confirm an order, these URLs are digitally signed with unique tokens and only sent via email to the"
        " intended recipient.",
        Missing("There are no links that customers open without signing in yet.", _LATER),
    ),
    Claim(
        "SW-11",
        "Growsoft does not expose functions to perform remote file inclusion.",
        Missing(
            "Apps come from installed distributions and templates have fixed names; our own rule refuses eval and"
            " pickle in the source tree. A running check is missing.",
            _UNCHECKED,
        ),
        ("growsoft/orm/registry.py", "growsoft/views/render.py"),
        ("tests/security/test_sw1_scanners_find_planted_holes.py",),
    ),
    Claim(
        "PL-1",
        "Security policy last update date: 28/11/2024",
        Missing("There is no public page yet; this command and its --json are what it will show.", _LATER),
        ("growsoft/trust/policy.txt", "growsoft/trust/verify.py"),
        ("tests/unit/trust/test_claims.py",),
    ),
)
