#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pictures.py - turn a folder of PNG files into data for `builtin: gan`.

    examples/pictures.py FOLDER OUT [--side 32] [--grey] [--test 0.1]

FOLDER has one sub-folder for each class; its PNG files may have any size: the largest square in the
middle is taken and shrunk, by averages of areas, to SIDE x SIDE cells (a multiple of 4). One in ten
of each class is kept for testing. OUT gets idx files, which `fixed: {data: OUT}` names:

    train-images-idx4-ubyte (idx3 when grey), train-labels-idx1-ubyte, t10k-..., classes.txt

Reads PNG files of 1 to 8 bits: grey, palette, RGB, each with or without transparency, which becomes
white; not 16 bits, not interlaced. Files that cannot be read are named and left out. Only Python's
standard library is needed.
"""
import argparse
import pathlib
import random
import struct
import sys
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}    # of each colour type, as they stand in the file
CELLS_MAX = 1 << 26


def chunks_of(data):
    """The chunks of a PNG file by kind; the parts of IDAT are joined."""
    if data[:8] != SIGNATURE:
        raise ValueError("not a PNG file")
    found, at = {}, 8
    while at + 12 <= len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if len(body) < size:
            raise ValueError("truncated")
        found[kind] = found.get(kind, b"") + body
        at += 12 + size
        if kind == b"IEND":
            return found
    raise ValueError("truncated")


def unfilter(raw, height, stride, step):
    """Undo the filters of the rows (PNG specification, section 9)."""
    rows, before = [], bytearray(stride)
    if len(raw) < height * (stride + 1):
        raise ValueError("too few pixels")
    for y in range(height):
        kind = raw[y * (stride + 1)]
        row = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride if kind else 0):
            left = row[i - step] if i >= step else 0
            corner = before[i - step] if i >= step else 0
            if kind == 1:
                row[i] = row[i] + left & 255
            elif kind == 2:
                row[i] = row[i] + before[i] & 255
            elif kind == 3:
                row[i] = row[i] + (left + before[i] >> 1) & 255
            elif kind == 4:
                guess = left + before[i] - corner
                near = min((abs(guess - left), 0, left), (abs(guess - before[i]), 1, before[i]),
                           (abs(guess - corner), 2, corner))[2]
                row[i] = row[i] + near & 255
            else:
                raise ValueError(f"unknown filter {kind}")
        rows.append(row)
        before = row
    return rows


def samples_of(row, bits, count):
    """The samples of a row, each from 0 to 2^bits - 1."""
    if bits == 8:
        return row
    mask = (1 << bits) - 1
    return [row[i * bits // 8] >> (8 - bits - i * bits % 8) & mask for i in range(count)]


def colour_of(cell, kind, most, palette, alphas):
    """One cell as (red, green, blue), on white where it is transparent."""
    alpha = 255
    if kind == 3:
        red, green, blue = palette[3 * cell[0]:3 * cell[0] + 3]
        alpha = alphas[cell[0]] if cell[0] < len(alphas) else 255
    elif kind in (0, 4):
        red = green = blue = cell[0] * 255 // most
        alpha = cell[1] if kind == 4 else 255
    else:
        red, green, blue = cell[:3]
        alpha = cell[3] if kind == 6 else 255
    return [(value * alpha + 255 * (255 - alpha)) // 255 for value in (red, green, blue)]


def read_png(path):
    """Rows of (red, green, blue)."""
    found = chunks_of(path.read_bytes())
    width, height, bits, kind, _, _, interlaced = struct.unpack(">IIBBBBB", found[b"IHDR"][:13])
    if kind not in CHANNELS or bits not in (1, 2, 4, 8) or (bits < 8 and kind not in (0, 3)):
        raise ValueError(f"colour type {kind} of {bits} bits; read are up to 8 bits")
    if interlaced:
        raise ValueError("interlaced")
    if width * height > CELLS_MAX or width * height == 0:
        raise ValueError(f"{width} x {height} cells")
    per = CHANNELS[kind]
    stride = (width * per * bits + 7) // 8
    reader = zlib.decompressobj()
    raw = reader.decompress(found[b"IDAT"], height * (stride + 1))
    rows = unfilter(raw, height, stride, max(1, per * bits // 8))
    palette, alphas = found.get(b"PLTE", b""), found.get(b"tRNS", b"") if kind == 3 else b""
    most = (1 << bits) - 1
    picture = []
    for row in rows:
        samples = samples_of(row, bits, width * per)
        picture.append([colour_of(samples[x * per:(x + 1) * per], kind, most, palette, alphas)
                        for x in range(width)])
    return picture


def spans(size, side):
    """For each of `side` cells the cells of the source it covers, with their weights."""
    found = []
    for i in range(side):
        first, last = i * size / side, (i + 1) * size / side
        cover = []
        for k in range(int(first), min(size, int(last) + 1)):
            weight = min(k + 1, last) - max(k, first)
            if weight > 1e-9:
                cover.append((k, weight))
        found.append(cover)
    return found


def shrink(picture, side):
    """The square in the middle, as side x side cells of (red, green, blue)."""
    height, width = len(picture), len(picture[0])
    size = min(height, width)
    top, left = (height - size) // 2, (width - size) // 2
    covers = spans(size, side)
    result = []
    for rows in covers:
        for columns in covers:
            sums, total = [0.0, 0.0, 0.0], 0.0
            for y, up in rows:
                for x, along in columns:
                    cell = picture[top + y][left + x]
                    for c in range(3):
                        sums[c] += up * along * cell[c]
                    total += up * along
            result.append([int(value / total + 0.5) for value in sums])
    return result


def to_bytes(cells, grey):
    if not grey:
        return bytes(value for cell in cells for value in cell)
    return bytes((299 * red + 587 * green + 114 * blue + 500) // 1000 for red, green, blue in cells)


def write(out, prefix, items, side, grey):
    sizes = (len(items), side, side) if grey else (len(items), side, side, 3)
    name = out / f"{prefix}-images-idx{len(sizes)}-ubyte"
    name.write_bytes(struct.pack(f">{1 + len(sizes)}I", 0x800 + len(sizes), *sizes)
                     + b"".join(picture for picture, _ in items))
    (out / f"{prefix}-labels-idx1-ubyte").write_bytes(
        struct.pack(">2I", 0x801, len(items)) + bytes(label for _, label in items))


def read_class(folder, side, grey):
    found = []
    for path in sorted(folder.glob("*.png")):
        try:
            found.append(to_bytes(shrink(read_png(path), side), grey))
        except (ValueError, KeyError, IndexError, struct.error, zlib.error, OSError) as error:
            print(f"{path}: left out: {error}", file=sys.stderr)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--grey", action="store_true")
    parser.add_argument("--test", type=float, default=0.1, help="share that is kept for testing")
    call = parser.parse_args()
    if call.side < 8 or call.side > 256 or call.side % 4:
        parser.error(f"--side is {call.side}; allowed are multiples of 4 from 8 to 256")
    if not 0 <= call.test <= 0.5:
        parser.error(f"--test is {call.test}; allowed are numbers from 0 to 0.5")
    classes = sorted(path for path in call.folder.iterdir() if path.is_dir())
    if not 2 <= len(classes) <= 256:
        parser.error(f"\"{call.folder}\" has {len(classes)} sub-folders; a class each, 2 to 256")
    train, test = [], []
    draw = random.Random(1)
    for label, folder in enumerate(classes):
        pictures = read_class(folder, call.side, call.grey)
        draw.shuffle(pictures)
        kept = int(len(pictures) * call.test)
        test += [(picture, label) for picture in pictures[:kept]]
        train += [(picture, label) for picture in pictures[kept:]]
    draw.shuffle(train)
    draw.shuffle(test)
    if len(train) < 2:
        parser.error(f"\"{call.folder}\" has {len(train)} pictures that can be read")
    call.out.mkdir(parents=True, exist_ok=True)
    write(call.out, "train", train, call.side, call.grey)
    if len(test) >= 2:
        write(call.out, "t10k", test, call.side, call.grey)
    (call.out / "classes.txt").write_text("".join(f"{path.name}\n" for path in classes))
    print(f"{len(train)} pictures that train, {len(test)} for testing, {len(classes)} classes")


if __name__ == "__main__":
    main()
