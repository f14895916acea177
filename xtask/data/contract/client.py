"""Uses the client that was generated from the description: it writes, is refused, and reads a list page by page."""

import datetime
import sys

from generated import Client
from generated.api.remediation import get_remediation, list_remediation, update_remediation, write_remediation
from generated.models import NewRemediation, Phase, Problem, RemediationPatch, Severity, Status

NAMESPACE = "generated-client"
RECORDS = 5
PER_PAGE = 2


def written(client, name, **fields):
    body = NewRemediation(name=name, namespace=NAMESPACE, phase=Phase.PROCESSING, action_type="restart-pod", **fields)
    return write_remediation.sync_detailed(client=client, body=body)


def write(client):
    """Stores records of every kind of value, the last day of a long month among them."""
    start = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)
    ids = []
    for number in range(RECORDS):
        answer = written(client, f"record-{number}", severity=Severity.HIGH, status=Status.RUNNING, start_time=start)
        assert answer.status_code == 201, answer
        ids.append(answer.parsed.id)
    return ids


def be_refused(client):
    answer = written(client, "")
    assert answer.status_code == 400 and isinstance(answer.parsed, Problem), answer
    assert answer.parsed.type_ == "/problems/validation-failed", answer.parsed
    assert [error.message for error in answer.parsed.errors] == ["name is required"], answer.parsed
    return answer.parsed.title


def change(client, record_id):
    tag = get_remediation.sync_detailed(client=client, id=record_id).headers["ETag"]
    patch = RemediationPatch(phase=Phase.COMPLETED, status=Status.SUCCESS)
    answer = update_remediation.sync_detailed(client=client, id=record_id, body=patch, if_match=tag)
    assert answer.status_code == 200 and answer.parsed.phase is Phase.COMPLETED, answer


def read(client):
    """Follows the cursors with the client's own defaults, and once with an offset of 0 beside each."""
    walks = [walk(client), walk(client, offset=0)]
    assert walks[0] == walks[1], walks
    return walks[0]


def walk(client, **more):
    pages, cursor = [], {}
    while not pages or cursor:
        page = list_remediation.sync(
            client=client, namespace=[NAMESPACE], since="2026-01-31", severity=[Severity.HIGH], limit=PER_PAGE, **cursor, **more
        )
        assert not isinstance(page, Problem), page
        pages.append([record.id for record in page.data])
        following = page.pagination.next_cursor
        cursor = {"cursor": following} if following else {}
    return pages


def main(url):
    with Client(base_url=url) as client:
        ids = write(client)
        refusal = be_refused(client)
        change(client, ids[0])
        pages = read(client)
        found = [record_id for page in pages for record_id in page]
        assert sorted(found) == sorted(ids) and len(pages) == -(-RECORDS // PER_PAGE), (ids, pages)
        print(
            f"generated client: wrote {len(ids)} records, was refused once ({refusal}), changed 1, "
            f"read {len(found)} back on {len(pages)} pages by cursor"
        )


if __name__ == "__main__":
    main(sys.argv[1])
