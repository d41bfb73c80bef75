"""The two products of attention, with gradients that are fast on CPUs.

The gradient with respect to keys or values is the product of a transposed matrix. With many small matrices,
XLA computes it several times as fast if the transposed ones are copied first. Barriers prevent the compiler
from folding the transposes into the products.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._precision import at_least_float32


@jax.custom_jvp
def query_key_products(
    queries: Float[Array, "*b t head_dim"], keys: Float[Array, "*b s head_dim"]
) -> Float[Array, "*b t s"]:
    """The product of each query with each key, at least float32."""
    wide = at_least_float32(queries.dtype)
    return jnp.einsum("...td,...sd->...ts", queries, keys, preferred_element_type=wide)


@query_key_products.defjvp
def _query_key_jvp(primals, tangents):
    (queries, keys), (of_queries, of_keys) = primals, tangents
    transposed = jax.lax.optimization_barrier(query_key_products(of_keys, queries))
    of_products = query_key_products(of_queries, keys) + jnp.swapaxes(transposed, -1, -2)
    return query_key_products(queries, keys), of_products


@jax.custom_jvp
def weighted_sums(
    weights: Float[Array, "*b t s"], values: Float[Array, "*b s head_dim"]
) -> Float[Array, "*b t head_dim"]:
    """The sum of values, weighted for each query."""
    return jnp.einsum("...ts,...sd->...td", weights, values)


@weighted_sums.defjvp
def _weighted_sums_jvp(primals, tangents):
    (weights, values), (of_weights, of_values) = primals, tangents
    transposed = jax.lax.optimization_barrier(jnp.swapaxes(weights, -1, -2))
    of_sums = weighted_sums(of_weights, values) + jnp.einsum("...st,...sd->...td", transposed, of_values)
    return weighted_sums(weights, values), of_sums
