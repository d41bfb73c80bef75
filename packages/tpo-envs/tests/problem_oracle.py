"""Completions that no scorer may trip over, which the tests of problems in text share."""

import json


def hostile_completions(marker):
    """Completions that would break or run something, and write the file `marker` if they are run as code."""
    path = str(marker)
    spelled = "+".join(f"chr({ord(letter)})" for letter in path)
    return {
        "digits": "9" * 10**6,
        "thirty digits": "9" * 30 + "." + "9" * 30,
        "lines": "\n" * 10**6,
        "brackets": "[" * 10**5 + "]" * 10**5,
        "open brackets": "(" * 10**5,
        "answers": "Answer: " * 10**5,
        "tags": "<answer>" * 10**5,
        "hashes": "#" * 10**6,
        "spaces": "Answer:" + " " * 10**6 + "x",
        "NUL": "\x00",
        "surrogates": "\ud800\udfff",
        "NaN": "NaN",
        "infinity": "inf",
        "exponent": "1e999",
        "digits of Unicode": "\u0667",
        "digits in superscript": "\xb2",
        "nothing": "",
        "system": f"__import__('os').system('touch {path}')",
        "open": f"open({path!r}, 'w')",
        "open without quotes": f"open({spelled}, chr(119))",
        "exec without quotes": "exec("
        + "+".join(f"chr({ord(letter)})" for letter in f"open({path!r},'w')")
        + ")",
        "attributes": f"().__class__.__base__.__subclasses__() and open({path!r}, 'w')",
        "list": f"[open({path!r}, 'w')]",
        "format": "{0.__class__} %s %n",
        "JSON": json.dumps({"0": [[]] * 1000}),
        "large list": "[[1] * 10**9]",
    }


def with_markers(text):
    """The text as the whole completion, and where tasks look for an answer."""
    return [text, f"Answer: {text}", f"#### {text}", f"<answer>{text}</answer>"]
