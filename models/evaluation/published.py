"""Numbers that others published on the fixed splits, to print ours beside them."""

from collections.abc import Mapping

# gowalla: the leaderboard of BARS (Zhu et al., "BARS: towards open benchmarking for recommender systems", 2022), embeddings
# of 64 numbers where a method has them. lastfm_lightgcn: measured with public libraries on this split, 1,858 listeners.
# lastfm_sequences: Zhou et al., "S³-Rec", 2020, every item ranked; 1,090 cases, so ±.015.
OF: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "gowalla": {
        method: {"recall@20": recall, "ndcg@20": ndcg}
        for method, recall, ndcg in (
            ("ItemKNN", 0.1570, 0.1214),
            ("MF-BPR", 0.1627, 0.1378),
            ("Mult-VAE", 0.1641, 0.1335),
            ("SLIM", 0.1699, 0.1382),
            ("EASE^R", 0.1765, 0.1467),
            ("LightGCN", 0.1830, 0.1554),
            ("MF-CCL", 0.1837, 0.1493),
            ("GF-CF", 0.1849, 0.1518),
            ("UltraGCN", 0.1862, 0.1580),
            ("SimpleX", 0.1872, 0.1557),
        )
    },
    "lastfm_lightgcn": {
        method: {"recall@20": recall, "ndcg@20": ndcg}
        for method, recall, ndcg in (
            ("MostPop", 0.0369, 0.0211),
            ("ItemKNN (cosine, 200)", 0.2484, 0.1889),
            ("EASE (λ 50)", 0.2622, 0.2081),
            ("implicit ALS (64, reg 1, α 10)", 0.2691, 0.2114),
            ("linear + ideal low-pass filter", 0.2716, 0.2139),
        )
    },
    "lastfm_sequences": {
        method: {"hit@10": hit, "ndcg@10": ndcg}
        for method, hit, ndcg in (
            ("PopRec", 0.0440, 0.0203),
            ("SASRec", 0.0688, 0.0390),
            ("BERT4Rec", 0.0633, 0.0337),
            ("S³-Rec", 0.0743, 0.0427),
        )
    },
}
