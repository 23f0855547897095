#pragma once

/// Every message between the actors of a node.
#include "actors/client_messages.hpp"
#include "actors/operator_messages.hpp"
#include "actors/registry_messages.hpp"
#include "actors/session_store_messages.hpp"
#include "actors/upstream_messages.hpp"
#include "actors/waiting_messages.hpp"
