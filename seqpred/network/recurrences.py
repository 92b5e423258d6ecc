"""Training of the plain RNN and the GRU over whole sequences: torch's autograd records every operation of every step.

Here the products with all inputs are one product, and so are the gradients of each weight; only the product with the
previous output is in the loop over time. What else a step of the backward pass needs is computed for all steps at once.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class RnnSequence(Function):
    """The outputs [time, batch, hidden] of h' = tanh(a + U h), as `torch.rnn_tanh` computes them.

    The arguments are a = W x + b [time, batch, hidden], the initial state [batch, hidden] and U [hidden, hidden].
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, start: Tensor, weight: Tensor) -> Tensor:
        """The outputs."""
        outputs, state, transposed = torch.empty_like(inputs), start, weight.t()
        for x, out in zip(inputs.unbind(), outputs.unbind(), strict=True):
            state = torch.tanh(torch.addmm(x, state, transposed), out=out)
        ctx.save_for_backward(outputs, start, weight)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        """The gradients of the arguments."""
        outputs, start, weight = ctx.saved_tensors
        grads = 1 - outputs * outputs  # of tanh, which becomes that of its argument
        later = torch.zeros_like(start)
        for outer, grad in zip(reversed(gradient.unbind()), reversed(grads.unbind()), strict=True):
            grad.mul_(later.add_(outer))
            later = grad @ weight
        return grads, later, _product(grads, _previous(outputs, start))


class GruSequence(Function):
    """The outputs [time, batch, hidden] of a GRU, as `torch.gru` computes them without a second bias.

    The arguments are W x + b [time, batch, 3 hidden] of the reset and the update gate and the new value, the initial
    state [batch, hidden] and the weights U [3 hidden, hidden].
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, start: Tensor, weight: Tensor) -> Tensor:
        """The outputs."""
        hidden, state, transposed = start.shape[-1], start, weight.t()
        gates = torch.empty_like(inputs)  # reset, update, new value
        recurrent = torch.empty_like(inputs[..., :hidden])  # U h of the new value
        outputs = torch.empty_like(recurrent)
        for x, gate, own, out in zip(
            inputs.unbind(), gates.unbind(), recurrent.unbind(), outputs.unbind(), strict=True
        ):
            product = state @ transposed
            own.copy_(product[:, 2 * hidden :])
            torch.add(x[:, : 2 * hidden], product[:, : 2 * hidden], out=gate[:, : 2 * hidden]).sigmoid_()
            reset, update, new = gate.chunk(3, -1)
            torch.addcmul(x[:, 2 * hidden :], reset, own, out=new).tanh_()
            state = torch.lerp(new, state, update, out=out)
        ctx.save_for_backward(gates, recurrent, outputs, start, weight)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        """The gradients of the arguments."""
        gates, recurrent, outputs, start, weight = ctx.saved_tensors
        reset, update, new = gates.chunk(3, -1)
        previous = _previous(outputs, start)
        # How the argument of each gate, and U h of the new value, change the output of the same step.
        by_new = (1 - update) * (1 - new * new)
        by_reset = by_new * recurrent * reset * (1 - reset)
        factors = torch.stack([by_reset, (previous - new) * update * (1 - update), by_new * reset], -2)
        later, grads = torch.zeros_like(start), torch.empty_like(outputs)
        steps = zip(gradient.unbind(), grads.unbind(), factors.unbind(), update.unbind(), strict=True)
        for outer, grad, factor, kept in reversed(list(steps)):
            torch.add(outer, later, out=grad)
            factor.mul_(grad[:, None])
            later = torch.addmm(grad * kept, factor.flatten(1), weight)
        of_product = factors.flatten(2)
        of_inputs = torch.cat([of_product[..., : -start.shape[-1]], grads * by_new], -1)
        return of_inputs, later, _product(of_product, previous)


def _previous(outputs: Tensor, start: Tensor) -> Tensor:
    """The output before each step, [time, batch, hidden]."""
    return torch.cat([start[None], outputs[:-1]])


def _product(grads: Tensor, values: Tensor) -> Tensor:
    """The gradient [n, m] of a weight from those of its products [..., n] with values [..., m]."""
    return grads.flatten(0, 1).t() @ values.flatten(0, 1)


def sequence(function: type[Function], x: Tensor, start: Tensor, weights: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """The outputs [batch, time, hidden] of one of these functions, from inputs x [batch, time, feature].

    Args:
        weights: of the inputs and the outputs, and the bias.
    """
    weight_ih, weight_hh, bias = weights
    inputs = torch.nn.functional.linear(x.transpose(0, 1), weight_ih, bias)
    outputs: Tensor = function.apply(inputs, start, weight_hh)  # type: ignore[no-untyped-call]  # torch's own stub
    return outputs.transpose(0, 1)
