"""What schemathesis has to be told: how a body of JSON lines is written."""

import schemathesis


@schemathesis.serializer("application/x-ndjson", "application/ndjson", "application/jsonl")
def json_lines(context, value):
    """The text as it is: the schema says that it is a string."""
    return value if isinstance(value, (bytes, str)) else str(value)
