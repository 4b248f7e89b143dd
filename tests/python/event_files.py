"""Reads TensorBoard event files without TensorBoard: framing, checksums and the few protobuf fields that matter."""
import struct
from pathlib import Path


def masked_crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def read_records(path):
    """The payloads up to the end or to a record truncated by a kill."""
    content, at, records = Path(path).read_bytes(), 0, []
    while at + 12 <= len(content):
        header = content[at:at + 8]
        size, = struct.unpack("<Q", header)
        if len(content) < at + 16 + size:
            break
        data = content[at + 12:at + 12 + size]
        for part, offset in ((header, at + 8), (data, at + 12 + size)):
            assert struct.unpack_from("<I", content, offset)[0] == masked_crc32c(part), (path, at)
        records.append(data)
        at += 16 + size
    return records


def read_fields(data):
    """Yields (field number, value) of a protobuf message; a value is an int or bytes."""
    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
    at, fields = 0, []
    while at < len(data):
        number, wire_type = divmod(varint(), 8)
        if wire_type == 0:
            fields.append((number, varint()))
            continue
        size = {1: 8, 5: 4}.get(wire_type) or varint()
        fields.append((number, data[at:at + size]))
        at += size
    return fields


def read_scalars(folder):
    """Returns tag -> {step: value} for a run's folder, as TensorBoard shows it: files are read in the order of their
    names, and each session start but the first discards that step and later ones."""
    scalars, sessions = {}, 0
    for path in sorted(Path(folder).glob("events.out.tfevents.*")):
        version, *events = [dict(read_fields(record)) for record in read_records(path)]
        assert version[3] == b"brain.Event:2", version
        for event in events:
            step = event.get(2, 0)
            if 7 in event:
                sessions += 1
                for values in scalars.values() if sessions > 1 else ():
                    for orphan in [s for s in values if s >= step]:
                        del values[orphan]
            for _, value in read_fields(event.get(5, b"")):
                value = dict(read_fields(value))
                tag = value[1].decode()
                assert step not in scalars.setdefault(tag, {}), (tag, step)
                scalars[tag][step], = struct.unpack("<f", value[2])
    return scalars
