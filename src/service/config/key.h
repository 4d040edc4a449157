#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "repository/repository.h"
#include "service/config/config.h"

namespace perdure::service {

/// Asks a person for a secret, without echo. Fails: denied (nobody to ask, or --no-input).
using AskSecret = std::function<Result<crypto::SecretBytes>(std::string const& question)>;

/// Fetches key material from where the configuration says. A key file's contents and a recovery
/// kit are recognised by their first words, whatever way they came; other bytes are a key file when
/// they are not printable, else a passphrase, one trailing line end taken off.
/// Fails: not_found (no such file, variable or credential), denied (nobody to ask), invalid
/// (empty), all as PD-0203 with the way named and never the secret.
Result<repository::KeySecret> load_key(KeyReference const& reference, AskSecret const& ask,
                                       std::stop_token stop);

/// Which kind of secret these bytes are.
repository::KeySecret::Kind kind_of_secret(ByteView bytes);

}  // namespace perdure::service
