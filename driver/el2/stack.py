# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""How much stack a call can take: the call graph, with the depth of each call in its frame.

    bound = stack.StackBound(machine_code.Program(obj), noreturn={"sidewall_plat_panic"})
    bound.faults                         # recursion, indirect calls, frames of no fixed size
    bound.of("sidewall_init").bytes      # the most that sidewall_init and what it calls can take
    bound.of("sidewall_init").path       # [("sidewall_init", 64), ("TakeOver", 128), ...]

Every path through every function is followed with the stack pointer as a number. What would make
that number a guess is a fault, so a bound without faults is one that holds. Only what is called
outside the object is not in it; `external` is the greatest depth at which that happens, or None.
"""

import collections

import machine_code as code

Fault = collections.namedtuple("Fault", "rule what")
Bound = collections.namedtuple("Bound", "bytes external path")


class Function:
    """frame: its own deepest point; calls: the deepest call of each target."""

    def __init__(self, name):
        self.name = name
        self.frame = 0
        self.calls = {}
        self.returns = False

    def call(self, target, depth):
        self.calls[target] = max(depth, self.calls.get(target, 0))


class StackBound:
    """Bounds of all functions of an object."""

    def __init__(self, program, noreturn=()):
        self.program = program
        self.noreturn = set(noreturn)
        self.faults = []
        self.functions = {}
        self.entries = []
        self._bounds = {}
        self._open = []
        for place in sorted(program.functions):
            self._visit(place)

    def of(self, name):
        for place, symbol in self.program.functions.items():
            if symbol.name == name:
                return self._bounds[place]
        raise KeyError(name)

    def enter(self, places):
        """Says where calls from outside begin: `entries` are (name, Bound) of these, by name."""
        known = {place for place in places if place in self._bounds}
        self.entries = sorted((self.program.functions[p].name, self._bounds[p]) for p in known)

    def frames(self):
        """Sizes of all frames, by name of the function; names may occur twice."""
        return sorted((f.name, f.frame) for f in self.functions.values())

    def _fault(self, rule, what):
        fault = Fault(rule, what)
        if fault not in self.faults:
            self.faults.append(fault)

    def _visit(self, place):
        """Looks at a function and all that it calls; callees come first."""
        if place in self._bounds:
            return
        if place in self._open:
            cycle = self._open[self._open.index(place):] + [place]
            names = " -> ".join(self.program.functions[p].name for p in cycle)
            self._fault("recursion", names)
            return
        self._open.append(place)
        function = Function(self.program.functions[place].name)
        self.functions[place] = function
        self._follow(place, function)
        self._open.pop()
        self._bounds[place] = self._sum(function)

    def _sum(self, function):
        best = Bound(function.frame, None, [(function.name, function.frame)])
        external = [depth for target, depth in function.calls.items() if target[1] is None]
        for target, depth in sorted(function.calls.items(), key=str):
            below = self._bounds.get(target)
            if below is None:  # outside, or part of a recursion, which is a fault already
                continue
            if below.external is not None:
                external.append(depth + below.external)
            if depth + below.bytes > best.bytes:
                best = Bound(depth + below.bytes, None, [(function.name, depth)] + below.path)
        return best._replace(external=max(external, default=None))

    def _returns(self, target):
        if target[1] is None:
            return target[0] not in self.noreturn
        if target not in self.program.functions:
            self._fault("control flow", f"a call into the middle of {self.program.where(target)}")
            return True
        self._visit(target)
        # A function that is still open calls itself, which is a fault already.
        return target in self._open or self.functions[target].returns

    def _follow(self, entry, function):
        """Runs through the code from `entry` on, once for each instruction."""
        depth_at = {}
        work = [(entry, 0)]
        while work:
            place, depth = work.pop()
            if place in depth_at:
                if depth_at[place] != depth:
                    self._fault("stack", f"{self.program.where(place)}: reached with {depth} and "
                                f"with {depth_at[place]} bytes on the stack")
                continue
            depth_at[place] = depth
            insn = self.program.at.get(place)
            if insn is None or insn.kind == code.UNKNOWN:
                what = "no code" if insn is None else f"not known: {insn.text}"
                self._fault("control flow", f"{self.program.where(place)}: {what}")
                continue
            work += self._step(entry, function, place, depth, insn)

    def _step(self, entry, function, place, depth, insn):
        """What may run after an instruction, with the depth that it has then."""
        where = self.program.where(place)
        if insn.stack is None:
            self._fault("stack", f"{where}: the stack moves by what is no constant: {insn.text}")
            return []
        depth -= insn.stack
        function.frame = max(function.frame, depth)
        following = (place[0], place[1] + 4)
        if depth < 0:
            self._fault("stack", f"{where}: pops more than was pushed")
            return []
        if insn.kind == code.INDIRECT:
            self._fault("indirect call", f"{where}: {insn.text}")
            return []
        if insn.kind == code.TRAP:
            return []
        if insn.kind == code.RETURN:
            if insn.text not in ("ret", "ret x30"):
                self._fault("indirect call", f"{where}: {insn.text}")
            if depth != 0:
                self._fault("stack", f"{where}: returns with {depth} bytes on the stack")
            function.returns = True
            return []
        after = []
        if insn.kind == code.CALL:
            function.call(insn.target, depth)
            if not self._returns(insn.target):
                return []
        elif insn.kind in (code.JUMP, code.CONDITIONAL):
            after += self._jump(entry, function, depth, insn.target)
            if insn.kind == code.JUMP:
                return after
        if following in self.program.functions:
            self._fault("control flow", f"{where}: runs into the function behind it")
            return after
        return after + [(following, depth)]

    def _jump(self, entry, function, depth, target):
        """A jump goes on in the same frame, or leaves for another function: a tail call."""
        is_external = target[1] is None
        is_tail = is_external or (target in self.program.functions and depth == 0
                                  and target != entry)
        if not is_tail:
            return [(target, depth)]
        if depth != 0:
            self._fault("stack", f"{function.name}: leaves for {target[0]} with {depth} bytes")
        function.call(target, depth)
        if self._returns(target):
            function.returns = True
        return []
