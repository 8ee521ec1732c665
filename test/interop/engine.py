"""The protocol of schemas/PROTOCOL.md, written from that page alone, and a check of it against schemas/vectors.

Needs Python 3.9 and the `cryptography` package: python3 test/interop/engine.py
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import struct
import sys
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Refused(Exception):
    """What was received is not what the protocol allows. Its text begins with the reason."""


# Section 2


def canon(*fields):
    encoded = [field.encode() if isinstance(field, str) else field for field in fields]
    return struct.pack(">H", len(encoded)) + b"".join(struct.pack(">I", len(field)) + field for field in encoded)


# Sections 1 and 3


def base64url(text):
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", text):
        raise Refused("malformed: not 32 bytes in base64url")
    decoded = base64.urlsafe_b64decode(text + "=")
    if to_base64url(decoded) != text:
        raise Refused("malformed: not canonical base64url")
    return decoded


def to_base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parse_credential(text):
    match = re.fullmatch(r"vek1\.([0-9a-f]{8})\.([^.]*)", text)
    if match is None:
        raise Refused("malformed: not a credential")
    return match[1], base64url(match[2])


def hkdf_sha256(secret, info):
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


class Keys:
    def __init__(self, engine, credential):
        self.engine = engine
        self.kid, secret = parse_credential(credential)
        self.auth, self.c2v, self.v2c = (
            hkdf_sha256(secret, canon("VE/key/v1", name, engine, self.kid)) for name in ("auth", "c2v", "v2c")
        )


# Section 4


def command_place(keys, topic, command_id, command_type, user, platform, field):
    return canon("VE/seal/v1", "c2v", keys.engine, topic, command_id, command_type, user, platform, field)


def reply_place(keys, reply_topic, command_id, reply_type, field, request_mac):
    return canon("VE/seal/v1", "v2c", keys.engine, reply_topic, command_id, reply_type, field, request_mac)


def box_cipher(key, header):
    okm = hmac.digest(key, canon("VE/box/v1", header) + b"\x01", "sha512")
    return AESGCM(okm[:32]), okm[32:44]


def seal(key, kid, place, token, salt=None):
    header = b"\x01\x01" + bytes.fromhex(kid) + (salt or secrets.token_bytes(24))
    cipher, iv = box_cipher(key, header)
    return header + cipher.encrypt(iv, token, canon("VE/box/v1", header, place))


def open_box(key, kid, place, box):
    if len(box) < 46 or box[:6] != b"\x01\x01" + bytes.fromhex(kid):
        raise Refused("box: not one of this key")
    cipher, iv = box_cipher(key, box[:30])
    try:
        return cipher.decrypt(iv, box[30:], canon("VE/box/v1", box[:30], place))
    except InvalidTag:
        raise Refused("box: does not open here") from None


# Section 5

DECIMAL = rb"0|[1-9][0-9]{0,14}"
FORMS = {
    "kafka_replyTopic": rb"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,249}",
    "x-engine-id": rb"[a-z][a-z0-9-]{0,62}",
    "x-engine-key": rb"v1\.[0-9a-f]{8}\.(" + DECIMAL + rb")\.[A-Za-z0-9_-]{43}",
    "x-command-type": rb"[A-Z][A-Za-z]{0,63}",
    "x-timeout-ms": DECIMAL,
    "x-idempotency-key": rb"[\x20-\x7e]{1,255}",
}
REQUIRED = [name for name in FORMS if name != "x-idempotency-key"] + ["kafka_correlationId", "kafka_replyPartition"]


def command_id(header):
    if len(header) == 16:
        return header
    if not re.fullmatch(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", header):
        raise Refused("header_malformed: kafka_correlationId")
    return bytes.fromhex(header.decode().replace("-", ""))


def partition(header):
    if len(header) == 4 and header[0] == 0:
        return int.from_bytes(header, "big")
    return bounded("kafka_replyPartition", header, 0, 0xFFFFFF)


def bounded(name, header, least, most):
    if not re.fullmatch(DECIMAL, header) or not least <= int(header) <= most:
        raise Refused(f"header_malformed: {name}")
    return int(header)


def check_headers(headers):
    for name in REQUIRED:
        if name not in headers:
            raise Refused(f"header_missing: {name}")
    for name, form in FORMS.items():
        if name in headers and not re.fullmatch(form, headers[name]):
            raise Refused(f"header_malformed: {name}")


def murmur2(data):
    def mix(number):
        number = number * 0x5BD1E995 & 0xFFFFFFFF
        return (number ^ number >> 24) * 0x5BD1E995 & 0xFFFFFFFF

    whole = len(data) & ~3
    value = 0x9747B28C ^ len(data)
    for at in range(0, whole, 4):
        value = value * 0x5BD1E995 & 0xFFFFFFFF ^ mix(int.from_bytes(data[at : at + 4], "little"))
    if whole < len(data):
        value = (value ^ int.from_bytes(data[whole:], "little")) * 0x5BD1E995 & 0xFFFFFFFF
    value = (value ^ value >> 13) * 0x5BD1E995 & 0xFFFFFFFF
    return value ^ value >> 15


def partition_of(key, count):
    return (murmur2(key.encode()) & 0x7FFFFFFF) % count


# Section 6


def request_input(keys, topic, headers, sent, key, value):
    return canon(
        "VE/req/v1",
        topic,
        keys.engine,
        keys.kid,
        sent,
        command_id(headers["kafka_correlationId"]),
        headers["x-command-type"],
        str(bounded("x-timeout-ms", headers["x-timeout-ms"], 1, 600_000)),
        headers.get("x-idempotency-key", b""),
        headers["kafka_replyTopic"],
        str(partition(headers["kafka_replyPartition"])),
        key,
        hashlib.sha256(value).digest(),
    )


def sign_request(keys, topic, headers, sent_ms, key, value):
    """Adds engine id and key to the other headers of a command, and answers the request's MAC."""
    sent = str(sent_ms)
    mac = hmac.digest(keys.auth, request_input(keys, topic, headers, sent, key, value), "sha256")
    headers["x-engine-id"] = keys.engine.encode()
    headers["x-engine-key"] = f"v1.{keys.kid}.{sent}.{to_base64url(mac)}".encode()
    return mac


def verify_request(keys, topic, headers, key, value):
    check_headers(headers)
    _, kid, sent, mac = headers["x-engine-key"].decode().split(".")
    expected = hmac.digest(keys.auth, request_input(keys, topic, headers, sent, key, value), "sha256")
    ours = (headers["x-engine-id"].decode(), kid) == (keys.engine, keys.kid)
    if not ours or not hmac.compare_digest(expected, base64url(mac)):
        raise Refused("mac")
    return expected


# Section 7


def reply_input(keys, reply_topic, identity, reply_type, request_mac, value):
    return canon(
        "VE/rep/v1", keys.engine, reply_topic, identity, reply_type, request_mac, hashlib.sha256(value).digest()
    )


def verify_reply(keys, reply_topic, headers, request_mac, value):
    if "x-vault-mac" not in headers:
        raise Refused("unsigned")
    match = re.fullmatch(r"v1\.([0-9a-f]{8})\.([A-Za-z0-9_-]{43})", headers["x-vault-mac"].decode("latin1"))
    if match is None:
        raise Refused("header_malformed: x-vault-mac")
    identity = command_id(headers["kafka_correlationId"])
    signed = reply_input(keys, reply_topic, identity, headers["x-reply-type"], request_mac, value)
    expected = hmac.digest(keys.auth, signed, "sha256")
    if match[1] != keys.kid or not hmac.compare_digest(expected, base64url(match[2])):
        raise Refused("mac")
    return expected


# The check


def refusal(attempt):
    try:
        attempt()
    except Refused as refused:
        return str(refused).split(":")[0]
    return "accepted"


def same(what, left, right):
    if left != right:
        raise SystemExit(f"{what}: {left!r} is not {right!r}")


def raw(headers):
    return {name: bytes.fromhex(value) for name, value in headers.items()}


def check_canon(vectors):
    for case in vectors["cases"]:
        fields = [field["text"] if "text" in field else bytes.fromhex(field["hex"]) for field in case["fields"]]
        same("canon", canon(*fields).hex(), case["encoded"])


def check_keys(vectors):
    keys = Keys(vectors["engine"], vectors["credential"])
    for name in ("auth", "c2v", "v2c"):
        same(f"key {name}", getattr(keys, name).hex(), vectors[name]["key"])
    for text in vectors["malformed"]:
        same(f"credential {text!r}", refusal(lambda: parse_credential(text)), "malformed")
    return keys


def check_boxes(keys, vectors):
    def place_of(case):
        place = {**case["place"], "command_id": bytes.fromhex(case["place"]["command_id"])}
        if case["direction"] == "c2v":
            return command_place(keys, **place)
        return reply_place(keys, **{**place, "request_mac": bytes.fromhex(place["request_mac"])})

    def opened(case):
        return open_box(bytes.fromhex(case["key"]), case["kid"], place_of(case), bytes.fromhex(case["box"]))

    for case in vectors["accepted"]:
        token, box = case["plaintext"].encode(), bytes.fromhex(case["box"])
        same("box", opened(case), token)
        same("sealed box", seal(bytes.fromhex(case["key"]), case["kid"], place_of(case), token, box[6:30]), box)
    for case in vectors["refused"]:
        same(case["why"], refusal(lambda: opened(case)), "box")


def check_requests(keys, vectors):
    def judge(case):
        return verify_request(keys, case["topic"], raw(case["headers"]), case["key"], bytes.fromhex(case["value"]))

    for case in vectors["accepted"]:
        same("request", judge(case).hex(), case["mac"])
        headers = {**raw(case["headers"]), "x-engine-id": b"", "x-engine-key": b""}
        sent = raw(case["headers"])["x-engine-key"].decode().split(".")[2]
        sign_request(keys, case["topic"], headers, sent, case["key"], bytes.fromhex(case["value"]))
        same("signed request", headers, raw(case["headers"]))
    for case in vectors["refused"]:
        same(case["why"], refusal(lambda: judge(case)), case["why"].split(":")[0])


def check_partitions(vectors):
    for case in vectors["cases"]:
        for count, expected in case["partitions"].items():
            same(f"partition of {case['key']!r} among {count}", partition_of(case["key"], int(count)), expected)


def check_replies(keys, vectors):
    def judge(case):
        mac, value = bytes.fromhex(case["request_mac"]), bytes.fromhex(case["value"])
        return verify_reply(keys, case["reply_topic"], raw(case["headers"]), mac, value)

    for case in vectors["accepted"]:
        same("reply", judge(case).hex(), case["mac"])
    for case in vectors["refused"]:
        same(case["why"], refusal(lambda: judge(case)), case["why"].split(":")[0])


def main():
    folder = Path(__file__).resolve().parents[2] / "schemas" / "vectors"
    vectors = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    check_canon(vectors["canon"])
    keys = check_keys(vectors["keys"])
    check_boxes(keys, vectors["box"])
    check_requests(keys, vectors["request"])
    check_replies(keys, vectors["reply"])
    check_partitions(vectors["partition"])
    print("the page and the vectors agree")


if __name__ == "__main__":
    sys.exit(main())
