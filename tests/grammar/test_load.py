"""From text to a grammar that is ready for use, imports included."""

from __future__ import annotations

import pytest

from budgetnet.errors import LanguageError
from budgetnet.grammar.checks.grammar import check
from budgetnet.grammar.imports import prelude
from budgetnet.grammar.load import load
from budgetnet.grammar.printer import to_text
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Parameter, Signature, Vocabulary


@pytest.fixture
def folder(tmp_path):
    """A folder with files that import each other."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "blocks.grammar").write_text(
        'from prelude import separable\nfrom "sub/deep.grammar" import deep\n'
        "cell(c) = separable(c) helper(c)\nhelper(c) = deep(c) | conv(3, c)\nunused = gap\n",
        encoding="utf-8",
    )
    (tmp_path / "sub" / "deep.grammar").write_text(
        'from "near.grammar" import near deep(c) = near(c)', encoding="utf-8"
    )
    (tmp_path / "sub" / "near.grammar").write_text("near(c) = conv(1, c)", encoding="utf-8")
    (tmp_path / "one.grammar").write_text('from "two.grammar" import b\na = b', encoding="utf-8")
    (tmp_path / "two.grammar").write_text('from "one.grammar" import a\nb = a', encoding="utf-8")
    (tmp_path / "wrong.grammar").write_text("bad = conv(3\n", encoding="utf-8")
    (tmp_path / "latin.grammar").write_bytes(b"a = gap # \xe9\n")
    return tmp_path


def test_a_text_is_checked_and_labelled():
    """Loading does all that parsing leaves open."""
    assert load("network = conv(3|5, 16)").rules[0].body.arguments[0].value.site == "conv.kernel"
    with pytest.raises(LanguageError, match=r"s.yaml:12:15: in rule 'network': unknown rule or primitive 'convv'"):
        load("network = convv(3, 16)", name="s.yaml", first_line=12, indent=4)


def test_imported_rules_bring_what_they_need(folder):
    """Rules follow the text's own, with all rules that they call, each with its own source, and no imports are left."""
    grammar = load('from "blocks.grammar" import cell network = cell(16) gap', folder=folder)
    assert [rule.name for rule in grammar.rules] == ["network", "cell", "separable", "helper", "deep", "near"]
    assert grammar.imports == ()
    sources = {rule.name: rule.source.name for rule in grammar.rules}
    assert sources["separable"] == "prelude.grammar"
    assert sources["near"] == str(folder / "sub" / "near.grammar")
    assert load(to_text(grammar)) == grammar


def test_imported_rules_are_labelled():
    """Decisions inside imported rules have names too."""
    grammar = load("from prelude import nb201_cell network = nb201_cell gap")
    assert grammar.rule("nb201_op").body.site == "kind"


def test_the_same_rule_may_come_on_two_ways(folder):
    """A rule imported directly and through another file is one rule."""
    grammar = load(
        'from prelude import separable from "blocks.grammar" import cell network = cell(8) separable(8)', folder=folder
    )
    assert [rule.name for rule in grammar.rules].count("separable") == 1


WRONG = {
    "from prelude import mbconf\nnetwork = gap": "t:1:21: 'prelude' has no rule 'mbconf'; did you mean 'mbconv'?",
    'from "blocks.grammar" import zzz\nnetwork = gap': "t:1:30: 'blocks.grammar' has no rule 'zzz'; it has cell",
    'from "block.grammar" import cell\nnetwork = gap': "t:1:6: no readable file … did you mean 'blocks.grammar'?",
    'from "sub" import cell\nnetwork = gap': "t:1:6: no readable file",
    'from "latin.grammar" import a\nnetwork = a': "latin.grammar' is not UTF-8 text",
    'from "one.grammar" import a\nnetwork = a': "circular imports: one.grammar → two.grammar → one.grammar",
    'from "wrong.grammar" import bad\nnetwork = bad': "wrong.grammar:1:11: '(' opened at line 1",
    "from prelude import fire\nnetwork = fire(8)\nfire(c) = gap": "t:1:21: the imported rule 'fire' has the name",
    'from "blocks.grammar" import cell\nnetwork = cell(8)\nhelper = gap': "'helper', which 'cell' needs, has the name",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_imports(text, folder):
    """A wrong import is reported where it stands, a wrong file in its own place."""
    with pytest.raises(LanguageError) as raised:
        load(text, name="t", folder=folder)
    for piece in WRONG[text].split(" … "):
        assert piece in str(raised.value)


def test_a_text_without_a_folder_imports_from_the_prelude_only():
    """Files are looked for beside the importing file, so there must be one."""
    load("from prelude import fire network = fire(8)")
    with pytest.raises(LanguageError, match="t:1:6: a text outside a file can import only from prelude"):
        load('from "blocks.grammar" import cell network = cell', name="t")


def test_mistakes_in_the_use_of_imported_rules_are_found():
    """Arguments handed to imported rules are checked against what those do with them."""
    with pytest.raises(LanguageError, match=r"t:1:\d+: in rule 'network': ghost: a \(act of conv\) must be one of"):
        load("from prelude import ghost network = ghost(16, a=rleu)", name="t")


def test_the_vocabulary_decides_what_may_be_called():
    """A study's own primitive is unknown without its vocabulary."""
    blur = Signature(name="blur", help="low pass", parameters=(Parameter(name="size", kind="int", low=1),))
    assert load("network = blur(3|5)", vocabulary=Vocabulary({**BUILTIN, "blur": blur})).rules[0].body.name == "blur"
    with pytest.raises(LanguageError, match="unknown rule or primitive 'blur'"):
        load("network = blur(3)")


def test_the_prelude_is_read_once():
    """It is kept between imports."""
    assert prelude() is prelude()


EXAMPLE = """
network   = stem stage(24|32){1..2} stage(48|64|96){1..2} head
stem      = conv(3, 16|24|32)
stage(c)  = block(c){1..3} down                  # c is drawn once per stage and shared by its blocks
block(c)  = regular(c) | dilated(c) | separable(c) | skip(regular(c){1..2})
regular(c)   = conv(3|5, c)
dilated(c)   = conv(3, c, dilation=2|4|8)
separable(c) = dwconv(3|5) conv(1, c)
mbconv(e, c=in) = skip(conv(1, c*e) dwconv(5) conv(1, c, act=none))   # defaults see `in`, the width at entry
down      = maxpool(2) | conv(3, in, stride=2)
head      = gap linear(classes)
"""


def test_a_whole_space_is_ready_for_use():
    """The usual shape of a space loads, and survives the printer; the one rule that nothing calls is warned of."""
    grammar = load(EXAMPLE)
    assert load(to_text(grammar)) == grammar
    (warning,) = check(grammar, Vocabulary(BUILTIN))
    assert "in rule 'mbconv': this rule is never reached from 'network'" in warning.text
