"""Planted: requests to others, TLS without verification, codes compared in variable time, secrets in logs."""

import hmac
import http.client
import ssl
import urllib.request

import httpx2


def call(client, log, address, code, key, body, token, port):
    client.get("https://updates.growsoft.dev/version")  # hole: growsoft-foreign-host
    client.request("POST", "http://10.0.0.1/hook")  # hole: growsoft-foreign-host
    client.get("https://demo.localhost:8443/")
    client.get("http://127.0.0.1:8080/")
    client.get("https://example.com/")
    client.get("https://localhost.growsoft.dev/")  # hole: growsoft-foreign-host
    urllib.request.urlopen(address)  # hole: growsoft-outgoing-request
    urllib.request.urlopen(f"https://localhost:{port}/")
    httpx2.get(address)  # hole: growsoft-outgoing-request
    http.client.HTTPSConnection(address)  # hole: growsoft-outgoing-request
    client.get(address, verify=False)  # hole: growsoft-tls-not-verified
    httpx2.Client(verify=False)  # hole: growsoft-tls-not-verified
    context = ssl.create_default_context()
    context.check_hostname = False  # hole: growsoft-tls-not-verified
    context.verify_mode = ssl.CERT_NONE  # hole: growsoft-tls-not-verified
    if hmac.new(key, body, "sha256").digest() == code:  # hole: growsoft-code-compared-in-variable-time
        return True
    log.info("signed in", token=token)  # hole: growsoft-secret-in-log
    log.warning("refused", login="ada", password=code)  # hole: growsoft-secret-in-log
    log.info("signed in", login="ada")
    return hmac.compare_digest(hmac.new(key, body, "sha256").digest(), code)
