"""What graphs say, found without walking any node twice."""

import pytest

from sklearn_sagemaker._hyperparameters import BINARY
from sklearn_sagemaker.io.artifacts.graph_meaning import is_features_first, output_of
from sklearn_sagemaker.io.mxnet_symbol import Graph, Symbol


class Counting(tuple):
    """Nodes that count how often one of them is looked at."""

    looks = 0

    def __getitem__(self, place):
        self.looks += 1
        return super().__getitem__(place)

    def __iter__(self):
        for place in range(len(self)):
            yield self[place]


def scores(graph):
    data, weight = graph.variable("data"), graph.variable("fc0_weight")
    return graph.op("dot", "dot0", data, weight)


def counted(graph, heads):
    nodes = Counting(graph.nodes)
    return Symbol(nodes, heads), nodes


def test_shared_nodes_are_looked_at_once():
    graph = Graph()
    last = graph.op("sigmoid", "out", scores(graph))
    for number in range(400):
        last = graph.op("identity", f"i{number}", last)
    symbol, nodes = counted(graph, (last,) * 400)
    assert output_of(symbol) == (BINARY, "logit")
    assert nodes.looks < 4 * len(nodes)


@pytest.mark.parametrize("op", ["elemwise_add", "broadcast_add", "broadcast_sub"])
def test_there_are_many_ways_through_a_graph(op):
    graph = Graph()
    last = scores(graph)
    for number in range(400):
        last = graph.op(op, f"s{number}", last, last)
    last = graph.op("LogisticRegressionOutput", "out", last)
    symbol, nodes = counted(graph, (last,))
    assert output_of(symbol) == (BINARY, "logit")
    assert is_features_first(symbol, "fc0_weight")
    assert nodes.looks < 8 * len(nodes)
