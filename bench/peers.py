"""peers.py: trains one library on the data of bench/run and answers for the sample of users.

Usage: peers.py CASE DATA ANSWERS name=value ...

DATA is what bench/synthetic wrote in binary. Standard output gets one line:

    seconds to fit, processor seconds of the same, microseconds to answer for a user, quality, name and version

The data are in memory, in the form that the library wants, before the clock starts. Rankings and
predictions go to ANSWERS for COPY (user, rank, course, rating), so that one statement judges all; where
there is nothing to rank, quality is what the line says.
"""
import sys
import time
from importlib.metadata import version

import numpy as np

TOP = 10


class Data:
    """Training and held-out rows, and the users who are asked for."""

    def __init__(self, path, sample):
        rows = np.fromfile(path, dtype=[("user", "i4"), ("course", "i4"), ("rating", "f4"), ("held", "i4")])
        self.train = rows[rows["held"] == 0]
        self.held = rows[(rows["held"] == 1) & (rows["user"] < sample)]
        self.n_users = int(rows["user"].max()) + 1
        self.n_courses = int(rows["course"].max()) + 1
        self.sample = np.arange(min(sample, self.n_users))

    def matrix(self, binary):
        """Users x courses; binary: 1 for every rating."""
        from scipy.sparse import csr_matrix

        values = np.ones(len(self.train), "f4") if binary else self.train["rating"]
        return csr_matrix((values, (self.train["user"], self.train["course"])), (self.n_users, self.n_courses))


def timed(function, *arguments):
    """Seconds that the call takes, by the clock and of all threads together, and its result."""
    start = time.perf_counter(), time.process_time()
    result = function(*arguments)
    return (time.perf_counter() - start[0], time.process_time() - start[1]), result


def best(scores, seen):
    """The TOP columns of each row of a dense block, without those of the sparse one."""
    scores[seen.nonzero()] = -np.inf
    top = np.argpartition(-scores, TOP, axis=1)[:, :TOP]
    order = np.argsort(-np.take_along_axis(scores, top, 1), axis=1)
    return np.take_along_axis(top, order, 1)


def ranking(users, courses):
    """Rows of ANSWERS."""
    for user, row in zip(users, courses):
        for rank, course in enumerate(row, 1):
            yield f"{user}\t{rank}\tc{course}\t\\N\n"


def predictions(held, ratings):
    """Rows of ANSWERS."""
    for row, rating in zip(held, ratings):
        yield f"{row['user']}\t\\N\tc{row['course']}\t{rating}\n"


def implicit_model(name, model, data):
    """Any model of implicit: fits, then ranks for the sample in one batch."""
    matrix = data.matrix(binary=True)
    fit, _ = timed(lambda: model.fit(matrix, show_progress=False))
    answer, found = timed(lambda: model.recommend(data.sample, matrix[data.sample], N=TOP))
    return fit, answer[0] / len(data.sample), ranking(data.sample, found[0]), "", f"implicit {version('implicit')} {name}"


def knn(data, p):
    """Cosine of courses, the best kept."""
    from implicit.nearest_neighbours import CosineRecommender

    return implicit_model("CosineRecommender", CosineRecommender(K=p["neighbors"], num_threads=p["threads"]), data)


def bm25(data, p):
    """Courses weighted by BM25, the best kept."""
    from implicit.nearest_neighbours import BM25Recommender

    return implicit_model("BM25Recommender", BM25Recommender(K=p["neighbors"], num_threads=p["threads"]), data)


def als(data, p):
    """By conjugate gradients, as it is by default. A course taken weighs alpha here and 1 + alpha in ours."""
    from implicit.cpu.als import AlternatingLeastSquares

    return implicit_model("ALS", AlternatingLeastSquares(
        factors=p["factors"], regularization=p["regularization"], alpha=1 + p["alpha"], iterations=p["iterations"],
        use_cg=True, num_threads=p["threads"], random_state=42), data)


def bpr(data, p):
    """Pairwise ranking."""
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    return implicit_model("BPR", BayesianPersonalizedRanking(
        factors=p["factors"], learning_rate=p["learning_rate"], regularization=p["regularization"],
        iterations=p["iterations"], num_threads=p["threads"], random_state=42), data)


def surprise_set(data):
    """Surprise's own form of the training rows."""
    from collections import defaultdict
    from surprise import Trainset

    of_user, of_course = defaultdict(list), defaultdict(list)
    for user, course, rating, _ in data.train.tolist():
        of_user[user].append((course, rating))
        of_course[course].append((user, rating))
    return Trainset(of_user, of_course, data.n_users, data.n_courses, len(data.train), (1, 5),
                    {u: u for u in range(data.n_users)}, {c: c for c in range(data.n_courses)})


def svd(data, p):
    """Surprise's SVD with biases, by stochastic gradient descent; it has one thread."""
    from surprise import SVD

    model = SVD(n_factors=p["factors"], n_epochs=p["iterations"], lr_all=p["learning_rate"],
                reg_all=p["regularization"], random_state=42)
    rows = surprise_set(data)
    fit, _ = timed(model.fit, rows)
    answer, ratings = timed(lambda: [model.predict(u, c).est for u, c, _, _ in data.held.tolist()])
    return (fit, answer[0] / len(data.held), predictions(data.held, ratings), "",
            f"Surprise {version('scikit-surprise')} SVD")


def libmf(data, p):
    """LIBMF's factorisation of the ratings, without biases."""
    from libmf import mf

    model = mf.MF(fun=0, k=p["factors"], nr_iters=p["iterations"], eta=p["libmf_rate"],
                  lambda_p2=p["regularization"], lambda_q2=p["regularization"], nr_threads=p["threads"], quiet=True)
    rows = np.column_stack([data.train["user"], data.train["course"], data.train["rating"]]).astype("f4")
    held = np.column_stack([data.held["user"], data.held["course"]]).astype("f4")
    fit, _ = timed(model.fit, rows)
    answer, ratings = timed(model.predict, held)
    return fit, answer[0] / len(held), predictions(data.held, ratings), "", f"LIBMF {version('libmf')}"


def nmf(data, p):
    """scikit-learn's coordinate descent on the zero-filled matrix."""
    from sklearn.decomposition import NMF

    matrix = data.matrix(binary=True)
    model = NMF(n_components=p["factors"], init="random", solver="cd", max_iter=p["iterations"], tol=p["tolerance"],
                random_state=42)
    fit, weights = timed(model.fit_transform, matrix)
    answer, found = timed(lambda: best(weights[data.sample] @ model.components_, matrix[data.sample]))
    return (fit, answer[0] / len(data.sample), ranking(data.sample, found), "",
            f"scikit-learn {version('scikit-learn')} NMF")


def torch_losses(model, batches, p, loss_of):
    """One Adam step a batch, as everybody writes it."""
    import torch

    torch.set_num_threads(p["threads"])
    torch.manual_seed(42)
    optimiser = torch.optim.Adam(model.parameters(), lr=p["learning_rate"])

    def fit():
        model.train()
        for _ in range(p["iterations"]):
            for batch in batches():
                optimiser.zero_grad()
                loss_of(batch).backward()
                optimiser.step()

    fit_time, _ = timed(fit)
    model.eval()
    return fit_time


def pair_network(data, p, layers):
    """Embeddings of user and course: their product, and biases, which are the first column; joined with dense layers."""
    import torch
    from torch import nn

    half = layers[0] // 2 if layers else 0

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.users = nn.Embedding(data.n_users, 1 + half + p["factors"])
            self.courses = nn.Embedding(data.n_courses, 1 + half + p["factors"])
            for table in (self.users, self.courses):
                nn.init.normal_(table.weight, std=0.1)
            self.dense = nn.Sequential(*(part for below, size in zip(layers, layers[1:])
                                         for part in (nn.Linear(below, size), nn.ReLU())))
            if layers:
                self.dense.append(nn.Linear(layers[-1], 1))

        def forward(self, users, courses):
            x, y = self.users(users), self.courses(courses)
            output = (x[:, 1 + half:] * y[:, 1 + half:]).sum(1) + x[:, 0] + y[:, 0]
            if not layers:
                return output
            return output + self.dense(torch.cat([x[:, 1:1 + half], y[:, 1:1 + half]], 1))[:, 0]

    return Network()


def torch_pairs(data, p, layers=()):
    """Ratings by squared error; what is shuffled and cut into batches is in memory as tensors."""
    import torch

    users, courses = (torch.from_numpy(data.train[name].astype("i8")) for name in ("user", "course"))
    mean, deviation = data.train["rating"].mean(), data.train["rating"].std()
    targets = torch.from_numpy((data.train["rating"] - mean) / deviation)
    network = pair_network(data, p, layers)

    def batches():
        return torch.randperm(len(targets)).split(p["batch_size"])

    def loss_of(rows):
        x, y = users[rows], courses[rows]
        penalty = network.users(x).square().sum() + network.courses(y).square().sum()
        shared = sum(part.square().sum() for part in network.dense.parameters())
        error = (network(x, y) - targets[rows]).square().sum()
        return (error + p["weight_decay"] * penalty) / len(rows) + 0.1 * p["weight_decay"] * shared

    fit = torch_losses(network, batches, p, loss_of)
    with torch.no_grad():
        answer, output = timed(lambda: network(torch.from_numpy(data.held["user"].astype("i8")),
                                               torch.from_numpy(data.held["course"].astype("i8"))).numpy())
    ratings = np.clip(output * deviation + mean, 1, 5)
    return fit, answer[0] / len(data.held), predictions(data.held, ratings), "", f"PyTorch {version('torch')}"


def nn_dot(data, p):
    """Product of embeddings, and biases."""
    return torch_pairs(data, p)


def nn_neumf(data, p):
    """The same, joined with dense layers."""
    return torch_pairs(data, p, (64, 16, 8, 4))


def nn_softmax(data, p):
    """From liked and disliked courses through a dense layer to all courses; inputs are rows of 0 and 1 in memory."""
    import torch
    from torch import nn
    from torch.nn import functional

    rated = torch.zeros(data.n_users, data.n_courses)
    rated[data.train["user"], data.train["course"]] = torch.from_numpy(data.train["rating"])
    liked = (rated >= float(data.train["rating"].mean())).float()
    taken = (rated > 0).float()

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.courses = nn.Parameter(torch.randn(data.n_courses, p["factors"]) * 0.1)
            self.dense = nn.Linear(2 * p["factors"], p["layer"])
            self.norm = nn.BatchNorm1d(p["layer"])
            self.output = nn.Linear(p["layer"], data.n_courses)

        def forward(self, likes, dislikes):
            x = torch.cat([functional.normalize(part @ self.courses) for part in (likes, dislikes)], 1)
            return self.output(functional.relu(self.norm(self.dense(x))))

    network = Network()

    def batches():
        parts = torch.randint(0, 4, rated.shape, dtype=torch.int8)
        for rows in torch.randperm(4 * data.n_users).split(p["batch_size"]):
            users = rows // 4
            yield users, (parts[users] == (rows % 4)[:, None]).float()

    def loss_of(batch):
        users, part = batch
        targets = taken[users] * part
        likes, dislikes = liked[users] * (1 - part), (taken - liked)[users] * (1 - part)
        return -(functional.log_softmax(network(likes, dislikes), 1) * targets).sum() / targets.sum()

    fit = torch_losses(network, batches, p, loss_of)
    sample = torch.from_numpy(data.sample)
    with torch.no_grad():
        answer, found = timed(lambda: best(network(liked[sample], (taken - liked)[sample]).numpy(),
                                           data.matrix(binary=True)[data.sample]))
    return fit, answer[0] / len(sample), ranking(data.sample, found), "", f"PyTorch {version('torch')}"


def popular(data, p):
    """The most taken courses: the floor that every ranking has to beat."""
    matrix = data.matrix(binary=True)
    fit, counts = timed(lambda: np.asarray(matrix.sum(axis=0)).ravel())
    answer, found = timed(lambda: best(np.tile(counts, (len(data.sample), 1)), matrix[data.sample]))
    return fit, answer[0] / len(data.sample), ranking(data.sample, found), "", f"numpy {version('numpy')}"


def product(path, p):
    """One product of all users' factors with all courses', and the best of each user."""
    rng = np.random.default_rng(1)
    users = rng.standard_normal((p["users"], p["factors"]), "f4")
    courses = rng.standard_normal((p["factors"], p["courses"]), "f4")
    size = 1024

    def run():
        for first in range(0, len(users), size):
            scores = users[first:first + size] @ courses
            top = np.argpartition(scores, -TOP, axis=1)[:, -TOP:]
            np.take_along_axis(scores, top, 1).argsort(axis=1)

    fit, _ = timed(run)
    return fit, fit[0] / len(users), (), "", f"numpy {version('numpy')} product and top {TOP}"


def standardized(path, p):
    """The points, scaled to mean 0 and deviation 1 as part of the time."""
    from sklearn.preprocessing import StandardScaler

    points = np.fromfile(path).reshape(-1, p["columns"])
    return lambda: StandardScaler().fit_transform(points)


def kmeans(path, p):
    """Lloyd's algorithm from k-means++ starts; quality: inertia."""
    from sklearn.cluster import KMeans

    scaled = standardized(path, p)
    model = KMeans(p["clusters"], n_init=p["starts"], random_state=42)
    fit, _ = timed(lambda: model.fit(scaled()))
    return fit, 0, (), f"{model.inertia_:.0f}", f"scikit-learn {version('scikit-learn')} KMeans"


def pca(path, p):
    """Components for a share of the variance; quality: how many."""
    from sklearn.decomposition import PCA

    scaled = standardized(path, p)
    model = PCA(p["share"])
    fit, _ = timed(lambda: model.fit(scaled()))
    return fit, 0, (), f"{model.n_components_}", f"scikit-learn {version('scikit-learn')} PCA"


def rules(data, p):
    """mlxtend's FP-Growth on a sparse matrix of users and courses; quality: how many item sets."""
    from mlxtend.frequent_patterns import fpgrowth
    from pandas import DataFrame

    taken = data.matrix(binary=True).astype(bool)
    taken = taken[taken.getnnz(axis=1) > 0]
    frame = DataFrame.sparse.from_spmatrix(taken, columns=[f"c{c}" for c in range(data.n_courses)])
    fit, sets = timed(lambda: fpgrowth(frame, min_support=p["support"], use_colnames=True))
    return fit, 0, (), f"sets {len(sets)}", f"mlxtend {version('mlxtend')} fpgrowth"


def number(text):
    """An int if it can be one."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def main():
    """Reads the arguments, runs, prints."""
    case, path, answers = sys.argv[1:4]
    p = {name: number(value) for name, value in (argument.split("=") for argument in sys.argv[4:])}
    dense = {"kmeans": kmeans, "pca": pca, "product": product}
    sparse = {"knn": knn, "bm25": bm25, "als": als, "bpr": bpr, "svd": svd, "libmf": libmf, "nmf": nmf, "popular": popular,
              "rules": rules, "nn_dot": nn_dot, "nn_neumf": nn_neumf,
              "nn_softmax": nn_softmax}
    result = dense[case](path, p) if case in dense else sparse[case](Data(path, p["sample"]), p)
    (seconds, processor), answer, rows, quality, name = result
    with open(answers, "w", encoding="ascii") as file:
        file.writelines(rows)
    print(seconds, processor, answer * 1e6, quality or "-", name, sep="\t")


if __name__ == "__main__":
    main()
