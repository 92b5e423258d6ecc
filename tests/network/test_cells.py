"""Cells: the worked example, the equations of the gates, and a cell from another package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from seqpred.config.cells import installed_cells
from seqpred.errors import ConfigError
from seqpred.network.cells import Fused, Gru, Lstm, TorchCell, make_cell, scan
from seqpred.network.network import Network
from seqpred.runtime.shape import Shape


def test_the_network_reproduces_the_worked_example() -> None:
    """Two state units, tanh, inputs 1 then 2; the state weights are given with row = from, column = to."""
    shape = Shape(1, 1, (0.5,), "rnn", 1, 2, bidirectional=False, dropout=0.0)
    network = Network(shape)
    network.load_state_dict(
        {
            "recurrent.layers.0.weight_ih": torch.tensor([[0.5], [0.6]]),
            "recurrent.layers.0.weight_hh": torch.tensor([[0.1, 0.2], [0.3, 0.4]]).T,
            "recurrent.layers.0.bias": torch.tensor([0.1, -0.1]),
            "head.linear.weight": torch.tensor([[1.0, 2.0]]),
            "head.linear.bias": torch.tensor([0.1]),
        }
    )
    x = torch.tensor([[[1.0], [2.0]]])
    states, _ = network.recurrent(x, network.start(1))
    torch.testing.assert_close(
        states[0], torch.tensor([[0.53704957, 0.46211716], [0.85973818, 0.88366641]]), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(network(x).flatten(), torch.tensor([1.56128388, 2.72707101]), atol=1e-6, rtol=0)


def test_lstm_gates_follow_the_equations() -> None:
    torch.manual_seed(0)
    cell = make_cell("lstm", 3, 4)
    assert isinstance(cell, Lstm)
    nn.init.normal_(cell.bias)
    x, (h, c) = torch.randn(2, 5, 3), cell.start(2)
    for t in range(5):
        i, f, g, o = (x[:, t] @ cell.weight_ih.T + cell.bias + h @ cell.weight_hh.T).split(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
    _, last = scan(cell, x, cell.start(2))
    torch.testing.assert_close(last, (h, c), atol=1e-6, rtol=1e-5)


def test_gru_gates_follow_the_equations() -> None:
    torch.manual_seed(0)
    cell = make_cell("gru", 3, 4)
    assert isinstance(cell, Gru)
    nn.init.normal_(cell.bias)
    x, (h,) = torch.randn(2, 5, 3), cell.start(2)
    for t in range(5):
        from_x, from_h = x[:, t] @ cell.weight_ih.T + cell.bias, h @ cell.weight_hh.T
        (rx, zx, nx), (rh, zh, nh) = from_x.split(4, dim=-1), from_h.split(4, dim=-1)
        r, z = torch.sigmoid(rx + rh), torch.sigmoid(zx + zh)
        h = (1 - z) * torch.tanh(nx + r * nh) + z * h
    _, last = scan(cell, x, cell.start(2))
    torch.testing.assert_close(last, (h,), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("name", "kernel"), [("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_outputs_and_gradients_equal_those_of_torchs_module_with_one_bias(name: str, kernel: type[nn.RNNBase]) -> None:
    torch.manual_seed(0)
    cell, reference = make_cell(name, 3, 4), kernel(3, 4, batch_first=True)
    assert isinstance(cell, TorchCell)
    assert [*cell.state_dict()] == ["weight_ih", "weight_hh", "bias"]
    nn.init.normal_(cell.bias)
    theirs = [reference.weight_ih_l0, reference.weight_hh_l0, reference.bias_ih_l0]
    ours = [cell.weight_ih, cell.weight_hh, cell.bias]
    with torch.no_grad():
        reference.bias_hh_l0.zero_()
        for parameter, value in zip(theirs, ours, strict=True):
            parameter.copy_(value)
    x = torch.randn(2, 5, 3)
    outputs, expected = scan(cell, x, cell.start(2))[0], reference(x)[0]
    torch.testing.assert_close(outputs, expected)
    for result in (outputs, expected):
        result.square().sum().backward()
    for parameter, value in zip(theirs, ours, strict=True):
        torch.testing.assert_close(value.grad, parameter.grad)


@pytest.mark.parametrize("name", ["rnn", "gru"])
@pytest.mark.parametrize("steps", [1, 9])
def test_the_gradients_of_a_whole_sequence_are_those_of_torchs_kernel(name: str, steps: int) -> None:
    """In float64, from a state that is not zero and needs a gradient too."""
    torch.manual_seed(steps)
    cell = make_cell(name, 3, 5).double()
    x, start = (torch.randn(4, *size, dtype=torch.float64, requires_grad=True) for size in ((steps, 3), (5,)))
    wanted = [x, start, *cell.parameters()]
    found = []
    for trained_by in (type(cell).trained_by, None):
        cell.trained_by = trained_by
        outputs, (last,) = cell.sequence(x, (start,))
        loss = (outputs * torch.arange(5)).square().sum() + last.sum()
        found.append([outputs, last, *torch.autograd.grad(loss, wanted)])
    for ours, torchs in zip(*found, strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_one_step_at_a_time_is_the_whole_sequence(name: str) -> None:
    torch.manual_seed(0)
    cell = make_cell(name, 3, 4)
    assert isinstance(cell, Fused)
    x, state = torch.randn(2, 7, 3), cell.start(2)
    outputs, last = scan(cell, x, state)
    for t in range(7):
        state = cell.step(x[:, t], state)
        torch.testing.assert_close(state[0], outputs[:, t], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(state, last, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("name", "parts"), [("rnn", 1), ("lstm", 2), ("gru", 1)])
def test_the_initial_state_is_zero(name: str, parts: int) -> None:
    state = make_cell(name, 3, 4).start(2)
    assert len(state) == parts
    assert all(part.shape == (2, 4) and not part.any() for part in state)


def test_an_unknown_cell_is_reported_with_the_most_similar_name() -> None:
    with pytest.raises(ConfigError, match=r"'lsmt'.*Did you mean 'lstm'"):
        make_cell("lsmt", 3, 4)


OWN_CELL = '''
import torch
from torch import nn


class MinimalGru(nn.Module):
    """minGRU (Feng et al. 2024, arXiv:2410.01201): the gate sees the input alone."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.gate = nn.Linear(input_size, hidden_size)
        self.candidate = nn.Linear(input_size, hidden_size)

    def start(self, batch):
        return (torch.zeros(batch, self.hidden_size),)

    def step(self, x, state):
        z = torch.sigmoid(self.gate(x))
        return ((1 - z) * state[0] + z * self.candidate(x),)
'''


def test_a_cell_from_another_package_is_trained_by_its_name(tmp_path: Path, data: Path) -> None:
    """It takes a class and one line in the metadata of its package; seqpred is unchanged."""
    site = tmp_path / "site"  # the other package is installed here
    metadata = site / "own_cells-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "own_cells.py").write_text(OWN_CELL)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: own-cells\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[seqpred.cells]\nminimal_gru = own_cells:MinimalGru\n")
    config = tmp_path / "own.yaml"
    config.write_text(
        f"data: {{path: {data / 'air_passengers.csv'}, target: y}}\n"
        "model: {cell: minimal_gru, hidden_size: 8, members: 1}\nforecast: {horizon: 6}\ntraining: {max_steps: 3}\n"
    )

    def seqpred(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "seqpred", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    trained = seqpred("train", "own.yaml", PYTHONPATH=str(site))
    assert trained.returncode == 0, trained.stderr
    forecast = seqpred("predict", "runs/own", PYTHONPATH=str(site))
    assert forecast.returncode == 0, forecast.stderr
    assert len(forecast.stdout.splitlines()) == 7
    elsewhere = seqpred("predict", "runs/own")
    assert elsewhere.returncode == 4
    assert "minimal_gru" in elsewhere.stderr


def test_the_three_cells_are_registered() -> None:
    assert {"rnn", "lstm", "gru"} <= set(installed_cells())


def test_recurrent_weights_start_orthogonal_and_the_forget_gate_starts_open() -> None:
    cell = make_cell("lstm", 3, 8)
    assert isinstance(cell, Lstm)
    for gate in cell.weight_hh.detach().split(8):
        torch.testing.assert_close(gate @ gate.T, torch.eye(8), atol=1e-5, rtol=0)
    assert cell.bias.tolist() == 8 * [0] + 8 * [1] + 16 * [0]
