# SPDX-License-Identifier: Apache-2.0
"""p4rt-run: run packets through a program without a switch."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import click

from p4rt.cli.command import (
    CONTEXT,
    EXIT_REFUSED,
    ExamplesCommand,
    finish,
    print_json,
    read_lines,
    read_program,
    version_option,
)
from p4rt.runtime import pcap, stf
from p4rt.runtime.entries import parse_entries
from p4rt.runtime.errors import InputError, RefusedError
from p4rt.runtime.local import LocalProgram
from p4rt.runtime.meters import parse_rates

_EXAMPLES = """
p4rt-run router.p4                                    is it accepted?
p4rt-run router.p4 --entries routes.txt --in 1=in.pcap --out-dir out
p4rt-run policer.p4 --set-meter 'ports[1]' cir=10k,cbs=100 --in 1=in.pcap
p4rt-run router.p4 router.stf                         exit status 0 when all expectations hold
"""
_VERDICTS = ("pass", "redirect", "resubmit", "drop", "abort")
_MAX_PORT = 0xFFFFFFFF


@click.command(cls=ExamplesCommand, context_settings=CONTEXT, examples=_EXAMPLES)
@click.argument("program", metavar="FILE.p4|FILE.o")
@click.argument("script", required=False, metavar="[FILE.stf]")
@click.option("--in", "inputs", multiple=True, metavar="[PORT=]FILE.pcap",
              help="Packets that come in by PORT (default: 1 for the first, 2 for the second).")  # fmt: skip
@click.option("--out-dir", metavar="DIR",
              help="Folder for portN.pcap (redirected), tableN.pcap (resubmitted), pass.pcap.")  # fmt: skip
@click.option("--entries", metavar="FILE", help="Table entries to add first, as p4rt-ctl add-entries reads.")
@click.option("--set-meter", "meters", nargs=2, multiple=True, metavar="NAME[INDEX|KEY] RATES",
              help="Set a meter first, as p4rt-ctl set-meter does.")  # fmt: skip
@click.option("--registers", is_flag=True, help="Print at the end the registers that are not zero.")
@click.option("--counters", is_flag=True, help="Print at the end the counters that are not zero.")
@click.option("--digests", is_flag=True, help="Print at the end the records for the control plane.")
@click.option("--interpreter", is_flag=True,
              help="Never compile the program to native code, as is done for many packets.")  # fmt: skip
@click.option("-I", "include", multiple=True, metavar="DIR", help="Where to look for included P4 files.")
@click.option("-D", "define", multiple=True, metavar="NAME[=VALUE]", help="Define a macro for the compiler.")
@click.option("--extern", multiple=True, metavar="FILE.c", help="C that defines externs of the program.")
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text",
              help="Form of the summary.")  # fmt: skip
@click.option("--verbose", "-v", is_flag=True, help="Print each packet's verdict.")
@version_option
@click.pass_context
def run(
    ctx: click.Context, program: str, script: str | None, inputs: tuple[str, ...], out_dir: str | None,
    entries: str | None, meters: tuple[tuple[str, str], ...], registers: bool, counters: bool,
    digests: bool, interpreter: bool, include: tuple[str, ...], define: tuple[str, ...],
    extern: tuple[str, ...], form: str, verbose: bool,
) -> None:  # fmt: skip
    """Run packets through a P4 program, in the switch's own engine but without a switch.

    With captures (pcap or pcapng), packets are taken in the order of their time stamps; PORT is
    what the program sees as its input port.  Packets of different outputs go to different files
    of DIR, with the time stamps they came with.  A redirect to IN_PORT (65528) leaves by the
    packet's own input port.

    With FILE.stf, a script of the Simple Test Framework is run instead.  A packet that the
    program passes then leaves by the port that it came in by.

    The interpreter runs the program, and from 100,000 packets on native code, if LLVM is there: to
    compile takes as long as to interpret about as many."""
    if script is not None and (inputs or out_dir):
        raise click.UsageError("FILE.stf brings its own packets: no --in or --out-dir")
    elf = read_program(program, include, define, extern)
    try:
        loaded = LocalProgram(elf, "interpreter" if interpreter else "auto")
    except RefusedError as e:
        raise InputError(f"{program}: {e}") from None
    if entries is not None:
        loaded.tables.add(parse_entries(loaded.info, read_lines(entries), entries))
    for name, rates in meters:
        loaded.meters.set(name, parse_rates(rates))
    if script is not None:
        status = _run_script(loaded, script, form)
    else:
        _run_captures(loaded, _captures(inputs), out_dir, form, verbose)
        status = 0
    if registers:
        for register in loaded.info.registers:
            for element in loaded.registers.read_nonzero(register):
                click.echo(element.format())
    if counters:
        _print_counters(loaded)
    for digest in loaded.info.externs.digests if digests else ():
        for record in loaded.digests.read(digest):
            click.echo(record.format())
    ctx.exit(status)


def _print_counters(loaded: LocalProgram) -> None:
    externs = loaded.info.externs
    for counter in (*externs.counters, *externs.direct_counters):
        for count in loaded.counters.read(counter.name):
            if any(count.words.values()):
                click.echo(count.format())


def _run_script(loaded: LocalProgram, script: str, form: str) -> int:
    result = stf.run(loaded, read_lines(script), script)
    for failure in result.failures:
        click.echo(failure, err=True)
    failed = len(result.failures)
    if form == "json":
        print_json({"packets": result.packets, "expectations": result.expectations, "failures": failed})
    else:
        outcome = f"{failed} failed" if failed else "all hold"
        click.echo(f"{result.packets} packets, {result.expectations} expectations: {outcome}")
    return EXIT_REFUSED if failed else 0


def _captures(inputs: tuple[str, ...]) -> list[tuple[int, pcap.Capture]]:
    captures = []
    for position, text in enumerate(inputs, 1):
        match = re.fullmatch(r"([0-9]{1,10})=(.+)", text)
        port = int(match[1]) if match else position
        if port > _MAX_PORT:
            raise InputError(f"{port} is not a port number")
        captures.append((port, pcap.read(match[2] if match else text)))
    if len({c.linktype for _, c in captures if c.packets}) > 1:
        raise InputError("the captures are of different link types")
    return captures


def _run_captures(
    loaded: LocalProgram, captures: list[tuple[int, pcap.Capture]], out_dir: str | None,
    form: str, verbose: bool,
) -> None:  # fmt: skip
    linktype = captures[0][1].linktype if captures else pcap.LINKTYPE_ETHERNET
    arrivals = sorted(
        ((p.time, i, port, p) for port, c in captures for i, p in enumerate(c.packets)), key=lambda a: a[0]
    )
    outputs: dict[str, list[pcap.Packet]] = defaultdict(list)
    for number, (time, _, port, packet) in enumerate(arrivals, 1):
        outcome = loaded.process(packet.data, port)
        for output in outcome.outputs:
            outputs[output.name].append(pcap.Packet(time, output.data))
        if verbose:
            ports = ", ".join(re.sub(r"(\d+)", r" \1", o.name) for o in outcome.outputs)
            where = f" ({ports})" if ports else ""
            click.echo(f"packet {number}, port {port}: {outcome.verdict}{where}", err=True)
    if out_dir is not None:
        _write(outputs, Path(out_dir), linktype)
    if form == "json":
        counts = {v: loaded.verdicts[v] for v in _VERDICTS}
        sizes = {name: len(packets) for name, packets in sorted(outputs.items())}
        print_json({"packets": len(arrivals), **counts, "outputs": sizes})
        return
    if not captures:
        click.echo(loaded.engine.verifier_summary.strip())
        return
    shown = [v for v in _VERDICTS if v != "resubmit" or loaded.verdicts[v]]
    counts_text = ", ".join(f"{loaded.verdicts[v]} {v}" for v in shown)
    click.echo(f"{len(arrivals)} packets: {counts_text}")
    for name, packets in sorted(outputs.items()):
        click.echo(f"{name}: {len(packets)} packets")


def _write(outputs: dict[str, list[pcap.Packet]], folder: Path, linktype: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, packets in outputs.items():
            (folder / f"{name}.pcap").write_bytes(pcap.serialize(packets, linktype))
    except OSError as e:
        raise InputError(f"{e.filename or folder}: {e.strerror}") from None


def main() -> None:
    """Entry point of p4rt-run."""
    finish(run, "p4rt-run")
