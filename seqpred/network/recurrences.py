"""Training of the plain RNN and the GRU over whole sequences: torch's autograd records every operation of every step.

Here the products with all inputs are one product, and so are the gradients of each weight. Only what depends on the
previous output is in the loop over time, in place, in as few kernels as possible.

tanh is computed as tanh(a) = 2 sigmoid(2 a) - 1, since torch's tanh takes five times as long as its sigmoid. So the
loops compute the halves s = (h + 1) / 2 of the outputs h: U h = 2 U s - U 1, where U 1 is the sum of each row of U.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

Gradients = tuple[Tensor | None, ...]


class RnnSequence(Function):
    """The outputs [time, batch, hidden] of h' = tanh(W x + b + U h), as `torch.rnn_tanh` computes them.

    The arguments are x [time, batch, feature], the initial state [batch, hidden], W, U and b.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, start: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor) -> Tensor:
        """The outputs."""
        states = _halves(start, len(x))  # of the outputs, the initial state first
        torch.addmm(2 * (bias - weight_hh.sum(1)), x.flatten(0, 1), 2 * weight_ih.t(), out=states[1:].flatten(0, 1))
        weight, (state, *rest) = 4 * weight_hh.t(), states.unbind()
        for after in rest:
            after.addmm_(state, weight).sigmoid_()
            state = after
        states.mul_(2).sub_(1)
        ctx.save_for_backward(x, states, weight_ih, weight_hh)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        """The gradients of the arguments."""
        x, states, weight_ih, weight_hh = ctx.saved_tensors
        slopes = 1 - states[1:].square()
        grads = _with_start(gradient)  # of the outputs, which become those of the argument of tanh
        *before, grad = grads.unbind()
        for earlier, slope in reversed([*zip(before, slopes.unbind(), strict=True)]):
            grad = earlier.addmm_(grad.mul_(slope), weight_hh)
        inner = grads[1:]
        return (*_input_gradients(ctx, x, inner, weight_ih, grads[0]), _product(inner, states[:-1]), inner.sum((0, 1)))


class GruSequence(Function):
    """The outputs [time, batch, hidden] of a GRU, as `torch.gru` computes them without a second bias.

    The arguments are x [time, batch, feature], the initial state [batch, hidden], W [3 hidden, feature], U [3 hidden,
    hidden] and b [3 hidden]; their rows are those of the reset gate r, the update gate z and the new value n.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, start: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor) -> Tensor:
        """The outputs."""
        hidden, rows, sums = start.shape[-1], x.flatten(0, 1), weight_hh.sum(1)
        gate_rows, new_rows = slice(2 * hidden), slice(2 * hidden, None)
        states = _halves(start, len(x))
        gates = torch.addmm((bias - sums)[gate_rows], rows, weight_ih[gate_rows].t()).view(*x.shape[:2], 2 * hidden)
        new = torch.addmm(2 * bias[new_rows], rows, 2 * weight_ih[new_rows].t()).view(*x.shape[:2], hidden)
        recurrent = torch.empty_like(new)  # 2 U h of the new value
        of_gates, of_new, shift = 2 * weight_hh[gate_rows].t(), 4 * weight_hh[new_rows].t(), -2 * sums[new_rows]
        resets, updates = (gate.unbind() for gate in gates.chunk(2, -1))
        state, *rest = states.unbind()
        for after, gate, reset, update, own, value in zip(
            rest, gates.unbind(), resets, updates, recurrent.unbind(), new.unbind(), strict=True
        ):
            gate.addmm_(state, of_gates).sigmoid_()
            torch.addmm(shift, state, of_new, out=own)
            value.addcmul_(reset, own).sigmoid_()
            state = torch.lerp(value, state, update, out=after)
        states.mul_(2).sub_(1)
        ctx.save_for_backward(x, states, gates, new, recurrent, weight_ih, weight_hh)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        """The gradients of the arguments."""
        x, states, gates, new, recurrent, weight_ih, weight_hh = ctx.saved_tensors
        reset, update = gates.chunk(2, -1)
        # How the argument of each gate, and U h of the new value, change the output of the same step.
        kept = 1 - update
        by_new = (1 - new).mul_(new).mul_(kept).mul_(4)
        factors = new.new_empty(*new.shape[:2], 3, new.shape[-1])
        of_reset, of_update, of_recurrent = factors.unbind(2)
        torch.mul(by_new, reset, out=of_recurrent)
        torch.mul((1 - reset).mul_(recurrent).div_(2), of_recurrent, out=of_reset)
        torch.mul(states[:-1].add(1).sub_(new, alpha=2).mul_(update), kept, out=of_update)
        grads = _with_start(gradient)
        flat, (*before, grad) = factors.flatten(2), grads.unbind()
        steps = zip(before, update.unbind(), factors.unbind(), flat.unbind(), strict=True)
        for earlier, stays, factor, row in reversed([*steps]):
            factor.mul_(grad[:, None])
            grad = earlier.addcmul_(grad, stays).addmm_(row, weight_hh)
        of_weight_hh = _product(flat, states[:-1])
        torch.mul(grads[1:], by_new, out=of_recurrent)  # now of the argument of the new value
        return (*_input_gradients(ctx, x, flat, weight_ih, grads[0]), of_weight_hh, flat.sum((0, 1)))


def _halves(start: Tensor, steps: int) -> Tensor:
    """Memory for s = (h + 1) / 2 of the initial state, which is filled in, and of the outputs, [steps + 1, ...]."""
    states = start.new_empty(steps + 1, *start.shape)
    torch.add(start, 1, out=states[0]).div_(2)
    return states


def _with_start(gradient: Tensor) -> Tensor:
    """The gradients of the initial state, 0, and of the outputs, [time + 1, batch, hidden]."""
    grads = gradient.new_empty(len(gradient) + 1, *gradient.shape[1:])
    grads[0] = 0
    grads[1:] = gradient
    return grads


def _input_gradients(ctx: Any, x: Tensor, grads: Tensor, weight: Tensor, of_start: Tensor) -> Gradients:
    """The gradients of x, of the initial state and of W, from those of W x."""
    return grads @ weight if ctx.needs_input_grad[0] else None, of_start, _product(grads, x)


def _product(grads: Tensor, values: Tensor) -> Tensor:
    """The gradient [n, m] of a weight from those of its products [..., n] with values [..., m]."""
    return grads.flatten(0, 1).t() @ values.flatten(0, 1)


def sequence(function: type[Function], x: Tensor, start: Tensor, weights: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """The outputs [batch, time, hidden] of one of these functions, from inputs x [batch, time, feature].

    Args:
        weights: of the inputs and the outputs, and the bias.
    """
    rows = x.transpose(0, 1).contiguous()
    outputs: Tensor = function.apply(rows, start, *weights)  # type: ignore[no-untyped-call]  # torch's own stub
    return outputs.transpose(0, 1)
