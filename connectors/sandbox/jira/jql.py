"""JQL to SQL, the part a sync gateway needs. Time literals have minute granularity, in the asker's zone (facts.md
2.2).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from connectors.sandbox.jira.conditions import Conditions, JqlError, column_of
from connectors.sandbox.people import Person

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<op><=|>=|!=|!~|=|<|>|~|\(|\)|,)
      | (?P<word>(?:issue\.property\[[^\]]+\][\w.]*|cf\[\d+\]|[^\s()=!<>~,"']+))
    )""",
    re.VERBOSE,
)
_MAX_ORDER = 7


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A query as SQL over table `found`; `where` and `order` are trusted text, `values` are bound."""

    where: str
    values: tuple[Any, ...]
    order: str
    bounded: bool


class Token(msgspec.Struct, frozen=True):
    """A word, an operator, or a quoted text."""

    text: str
    quoted: bool = False

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these keywords."""
        return not self.quoted and self.text.upper() in words


def compile_jql(jql: str, *, person: Person | None, now_ms: int) -> Query:
    """Raises JqlError, also for a name or value that does not exist."""
    return _Parser(_tokens(jql), person, now_ms).query()


def _tokens(jql: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    text = jql.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise JqlError(f"Error in the JQL Query: The character '{text[at]}' is a reserved JQL character.")
        at = found.end()
        quoted = found["text"]
        tokens.append(Token(re.sub(r"\\(.)", r"\1", quoted[1:-1]), quoted=True) if quoted else Token(found[0].strip()))
    return tokens


class _Parser:
    def __init__(self, tokens: list[Token], person: Person | None, now_ms: int) -> None:
        self._tokens, self._at = tokens, 0
        self._conditions = Conditions(person, now_ms)

    def query(self) -> Query:
        bounded = bool(self._tokens) and not self._tokens[0].is_word("ORDER")
        where = self._any() if bounded else "1"
        order = self._order()
        if self._at < len(self._tokens):
            raise JqlError(
                f"Error in the JQL Query: Expecting either 'OR' or 'AND' but got '{self._tokens[self._at].text}'."
            )
        return Query(where=where, values=tuple(self._conditions.values), order=order, bounded=bounded)

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> Token:
        token = self._peek()
        if token is None:
            raise JqlError("Error in the JQL Query: The query ends too early.")
        self._at += 1
        return token

    def _skip(self, *words: str) -> bool:
        token = self._peek()
        if token is not None and token.is_word(*words):
            self._at += 1
            return True
        return False

    def _any(self) -> str:
        parts = [self._all()]
        while self._skip("OR"):
            parts.append(self._all())
        return f"({' OR '.join(parts)})"

    def _all(self) -> str:
        parts = [self._one()]
        while self._skip("AND"):
            parts.append(self._one())
        return f"({' AND '.join(parts)})"

    def _one(self) -> str:
        if self._skip("NOT"):
            return f"NOT {self._one()}"
        if self._skip("("):
            inner = self._any()
            if not self._skip(")"):
                raise JqlError("Error in the JQL Query: Expecting ')'.")
            return inner
        return self._clause()

    def _clause(self) -> str:
        field = self._next().text
        operator = self._operator()
        if operator in ("IS", "IS NOT"):
            if not self._skip("EMPTY", "NULL"):
                raise JqlError("Error in the JQL Query: 'IS' needs EMPTY.")
            return self._conditions.empty(field, negated=operator == "IS NOT")
        operands = self._list() if operator.endswith("IN") else [self._operand()]
        return self._conditions.compare(field, operator, operands)

    def _operator(self) -> str:
        token = self._next()
        text = token.text.upper()
        if text in ("IS", "NOT"):
            if text == "NOT" and self._skip("IN"):
                return "NOT IN"
            return "IS NOT" if self._skip("NOT") else "IS"
        if text in ("=", "!=", "<", "<=", ">", ">=", "~", "!~", "IN"):
            return text
        raise JqlError(f"Error in the JQL Query: Expecting operator but got '{token.text}'.")

    def _operand(self) -> str:
        token = self._next()
        if not token.quoted and self._skip("("):
            if not self._skip(")"):
                raise JqlError(f"Error in the JQL Query: function '{token.text}' takes no arguments here.")
            return self._conditions.function(token.text)
        return token.text

    def _list(self) -> list[str]:
        if not self._skip("("):
            raise JqlError("Error in the JQL Query: Expecting '('.")
        found = [self._operand()]
        while self._skip(","):
            found.append(self._operand())
        if not self._skip(")"):
            raise JqlError("Error in the JQL Query: Expecting ')'.")
        return found

    def _order(self) -> str:
        if not self._skip("ORDER"):
            return "created DESC, id DESC"
        if not self._skip("BY"):
            raise JqlError("Error in the JQL Query: Expecting 'BY'.")
        parts = [self._order_field()]
        while self._skip(","):
            parts.append(self._order_field())
        if len(parts) > _MAX_ORDER:
            raise JqlError(f"The query orders by more than {_MAX_ORDER} fields.")
        return ", ".join([*parts, "id"])

    def _order_field(self) -> str:
        column = column_of(self._next().text)
        if column == "labels":
            raise JqlError("Field 'labels' cannot be ordered by.")
        column = {"key": "number", "statuscategory": "status"}.get(column, column)
        direction = "DESC" if self._skip("DESC") else "ASC"
        self._skip("ASC")
        return f"{column} {direction}"
