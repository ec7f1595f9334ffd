"""A header as its user sees it, for Doxygen. Lines stay where they are.

Left out are the namespaces that are not public, the inline ones of instruction sets, defaulted special members, and what every layer, composite, policy, model or
request says in the same words, unless it has a comment of its own: what those words mean is written once, in
docs/how-to/own-layer.md and docs/concepts/architecture.md. What is left belongs to the group of its room.
"""

import re
from pathlib import Path

PRIVATE = re.compile(r"(?:inline )?namespace (?:hookcam::)?(?:detail|kernels|reference|policy)\b[\w:]* \{$")

INSTRUCTION_SET = re.compile(r"inline namespace HOOKCAM_INSTRUCTION_SET \{$|\} // namespace HOOKCAM_INSTRUCTION_SET$")

# By whom, and what.
SEAMS = {
    "every layer": "forward backward backward_parameters output_extents backward_reads parameters in_place is_view type_name"
    " fuses_as packed_size pack in_training draws has_device_kernels device_scratch_bytes runs_on_host",
    "whoever holds hooks": "slots slot_list slot_or_nothing m_slots",
    "every composite": "children child lower",
    "every policy": "kind",
    "every request": "differentiates input_gradient parameter_gradients chooses_path activations gradients storage run frozen trained mode",
    "every elementwise layer": "function",
    "everything that a plan can borrow": "network_type value_type device_type items slots_type tape_type source_type run_time_hooks"
    " network registry source shared_registry changes count_change",
}
# What a layer works out of its policies, in the folder of that layer.
IN_A_LAYER = frozenset(
    "windows weight more step size divides arguments groups_in group_count has_bias rounds_up counts_padding is_bilinear"
    " drop_probability update_share".split()
)
SEAM_NAMES = frozenset(" ".join(SEAMS.values()).split())

DECLARED = re.compile(
    r" {4}(?! )(?:\[\[\w+\]\] )*(?:" # a member, not what stands in its body
    r"using (?P<alias>\w+) =|struct (?P<type>\w+) \{"
    r"|(?:static |constexpr |inline |explicit |mutable )*(?!return\b|throw\b|if\b|for\b|static_assert\b)"
    r"[\w:<>,.*& ]*?(?P<name>\w+)(?:\(|;| =|\{))"
)


def end_of(lines, begin):
    """The line on which a declaration or a namespace that begins on a line ends."""
    depth = 0
    for i in range(begin, len(lines)):
        code = re.sub(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'|//.*', "", lines[i])
        for character in code:
            depth += (character in "{([") - (character in "})]")
        if depth == 0 and re.search(r"[;}]\s*$", code):
            return i
    return len(lines) - 1


def blank(lines, begin, end):
    for i in range(begin, end + 1):
        lines[i] = ""


def begin_of(lines, at):
    """Where a declaration begins whose name stands on a line: at its template or attributes."""
    while re.match(r"\s*(template <|requires |\[\[nodiscard\]\] \S+$)", lines[at - 1]):
        at -= 1
    return at


def hide(lines, names):
    i = 0
    while i < len(lines):
        if PRIVATE.match(lines[i]):
            end = end_of(lines, i)
            blank(lines, i, end)
            i = end
        elif re.match(r"\s+requires ?\(?detail::", lines[i]):
            lines[i] = "" # says in the compiler's words what the comment says in ours
        elif re.match(r"\w[\w:<>, ]*>::operator", lines[i]): # defined outside, documented inside
            end = end_of(lines, i)
            blank(lines, begin_of(lines, i), end)
            i = end
        elif re.search(r"= (default|delete);", lines[i]) and not lines[i - 1].strip().startswith("///"):
            lines[i] = ""
        else:
            match = DECLARED.match(lines[i])
            name = match and (match["alias"] or match["type"] or match["name"])
            if name in names:
                begin = begin_of(lines, i)
                if not lines[begin - 1].strip().startswith("///") and "///<" not in lines[i]:
                    end = end_of(lines, i)
                    blank(lines, begin, end)
                    i = end
        i += 1


SPECIALIZATION = re.compile(
    r"(?P<head>template <[^\n]*\n(?P<declared>class|struct) (?P<name>\w+));\n"
    r"template <[^\n]*\n(?P=declared) (?P=name)<(?:[^<>]|<[^<>]*>)*>(?P<rest>[^;\n]*\{)"
)


def unpack(text):
    """A template that is only declared, and one specialization behind it that takes its arguments apart: to a user one type."""
    return SPECIALIZATION.sub(lambda m: f"{m['head']}\n\n{m['rest'].lstrip()}", text)


def room_of(header):
    """The folder under include/hookcam/ in which a header stands, or its own name where it stands there itself."""
    parts = header.parts
    below = parts[len(parts) - parts[::-1].index("hookcam") :]
    return below[0] if len(below) > 1 else Path(below[0]).stem


def for_doxygen(header, text):
    lines = unpack(text).split("\n")
    lines = ["" if INSTRUCTION_SET.match(line) else line for line in lines]
    hide(lines, SEAM_NAMES | IN_A_LAYER if "/layers/" in f"/{header.parent.parent}/" else SEAM_NAMES)
    for i, line in enumerate(lines):
        if line == "namespace hookcam {":
            lines[i] = f"namespace hookcam {{ /** \\addtogroup {room_of(header)} */ /** \\{{ */"
        elif line == "} // namespace hookcam":
            lines[i] = "/** \\} */ }"
    return "\n".join(lines)
