"""Uses a service in every way that a panel of the dashboards shows: exercise.py URL TOKEN"""

import json
import sys
import time
import urllib.error
import urllib.request

BASE, TOKEN = sys.argv[1:]
RECORD = {"name": "restart", "namespace": "payments", "phase": "processing", "action_type": "restart-pod"}


def ask(expected, path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}", **headers}
    request = urllib.request.Request(BASE + path, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    assert status == expected, (path, status, text)
    return text


# A new word each time: the vector of a text that was embedded before comes from the cache. Texts are embedded without numbers.
WORD = "".join(chr(ord("a") + int(digit)) for digit in str(time.time_ns()))
stored = json.loads(ask(201, "/api/v1/audit/remediation", {**RECORD, "error_message": WORD}))
ask(201, "/api/v1/audit/remediation", {**RECORD, "name": "<b>"})
ask(201, "/api/v1/audit/remediation", {**RECORD, "severity": "SEV-1"}, Prefer="handling=lenient")
ask(400, "/api/v1/audit/remediation", {**RECORD, "name": ""})
ask(200, f"/api/v1/audit/remediation/{stored['id']}")
ask(200, "/api/v1/audit/remediation?namespace=payments&limit=5")
ask(200, f"/api/v1/audit/search?q={WORD}&limit=3")
ask(200, "/api/v1/audit/remediation/export?namespace=payments")
