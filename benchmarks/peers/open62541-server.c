/*
 * The OPC UA server that the clients of a benchmark read: open62541 with COUNT Doubles ns=1;s=node N of value N + 0.25, no security. The source time
 * of the first is when it is read. Says {"port": N} when it listens and ends when its standard input does: open62541-server COUNT.
 */

#include <open62541/server.h>
#include <open62541/server_config_default.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static bool add_node(UA_Server *server, int index) {
    char text[32];
    UA_Double number = index + 0.25;
    UA_VariableAttributes attributes = UA_VariableAttributes_default;
    snprintf(text, sizeof text, "node %d", index);
    UA_Variant_setScalar(&attributes.value, &number, &UA_TYPES[UA_TYPES_DOUBLE]);
    attributes.dataType = UA_TYPES[UA_TYPES_DOUBLE].typeId;
    attributes.displayName = UA_LOCALIZEDTEXT("", text);
    return UA_Server_addVariableNode(server, UA_NODEID_STRING(1, text), UA_NS0ID(OBJECTSFOLDER), UA_NS0ID(ORGANIZES),
                                     UA_QUALIFIEDNAME(1, text), UA_NS0ID(BASEDATAVARIABLETYPE), attributes, NULL,
                                     NULL) == UA_STATUSCODE_GOOD;
}

static UA_StatusCode read_now(UA_Server *server, const UA_NodeId *session, void *session_context, const UA_NodeId *node,
                              void *node_context, UA_Boolean with_source_time, const UA_NumericRange *range,
                              UA_DataValue *result) {
    (void)server, (void)session, (void)session_context, (void)node, (void)node_context, (void)with_source_time, (void)range;
    const UA_Double number = 0.25;
    result->hasSourceTimestamp = true;
    result->sourceTimestamp = UA_DateTime_now();
    result->hasValue = true;
    return UA_Variant_setScalarCopy(&result->value, &number, &UA_TYPES[UA_TYPES_DOUBLE]);
}

static const UA_CallbackValueSource timed = {.read = read_now};

static UA_UInt16 port_of(const UA_ServerConfig *config) {
    UA_UInt16 port = 0;
    UA_String host = UA_STRING_NULL, path = UA_STRING_NULL;
    for (size_t at = 0; at < config->applicationDescription.discoveryUrlsSize && port == 0; at++)
        UA_parseEndpointUrl(&config->applicationDescription.discoveryUrls[at], &host, &port, &path);
    return port;
}

int main(int parameters, char **arguments) {
    if (parameters < 2) return 2;
    UA_Server *server = UA_Server_new();
    if (server == NULL) return 1;
    UA_ServerConfig *config = UA_Server_getConfig(server);
    UA_ServerConfig_setMinimal(config, 0, NULL);
    for (int index = 0; index < atoi(arguments[1]); index++)
        if (!add_node(server, index)) return 1;
    if (UA_Server_setVariableNode_callbackValueSource(server, UA_NODEID_STRING(1, "node 0"), timed) != UA_STATUSCODE_GOOD) return 1;
    if (UA_Server_run_startup(server) != UA_STATUSCODE_GOOD) return 1;
    printf("{\"port\": %d}\n", port_of(config));
    fflush(stdout);
    struct pollfd input = {.fd = 0, .events = POLLIN};
    while (poll(&input, 1, 0) == 0) UA_Server_run_iterate(server, true);
    UA_Server_run_shutdown(server);
    UA_Server_delete(server);
    return 0;
}
