%% server PORT six|both: gen_tcp as its documentation has it. It sends a line back; on `up` it is a client of
%% its own first, over IPv4. `both` is 0.0.0.0 first, then ::, in one process.
-module(server).
-export([main/1]).

main([Port, Families]) ->
    N = list_to_integer(atom_to_list(Port)),
    Kinds = case Families of both -> [inet, inet6]; six -> [inet6] end,
    [listen(N, K) || K <- Kinds].

listen(Port, Kind) ->
    case gen_tcp:listen(Port, [Kind, binary, {packet, line}, {active, false}, {reuseaddr, true}]) of
        {ok, L} -> spawn(fun() -> hold(L) end);
        {error, Reason} -> io:format("listen: ~p~n", [Reason]), halt(1)
    end.

hold(L) ->
    {ok, S} = gen_tcp:accept(L),
    case gen_tcp:recv(S, 0) of
        {ok, <<"up\n">>} -> gen_tcp:send(S, upstream());
        {ok, Line} -> gen_tcp:send(S, Line);
        _ -> ok
    end,
    gen_tcp:close(S),
    hold(L).

upstream() ->
    {ok, L} = gen_tcp:listen(0, [inet, binary, {ip, {127,0,0,1}}, {active, false}]),
    {ok, Port} = inet:port(L),
    {ok, C} = gen_tcp:connect({127,0,0,1}, Port, [inet, binary, {active, false}]),
    {ok, S} = gen_tcp:accept(L),
    ok = gen_tcp:send(S, <<"v6shim\n">>),
    {ok, Line} = gen_tcp:recv(C, 7),
    [gen_tcp:close(X) || X <- [S, C, L]],
    Line.
